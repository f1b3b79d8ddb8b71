//! Values as they stand in a file -> values as the program means them. An empty text means "not set".

use std::path::PathBuf;

use secrecy::SecretString;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use unisys_db::pattern::{SchemaPattern, TablePattern};
use unisys_ops::backup::DumpOptions;

use super::Content;

pub(super) fn optional_text<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    Ok(Some(String::deserialize(input)?).filter(|text| !text.is_empty()))
}

pub(super) fn optional_path<'de, D: Deserializer<'de>>(input: D) -> Result<Option<PathBuf>, D::Error> {
    Ok(optional_text(input)?.map(PathBuf::from))
}

pub(super) fn optional_store<'de, D: Deserializer<'de>>(input: D) -> Result<Option<PathBuf>, D::Error> {
    match optional_text(input)? {
        Some(text) if text.contains("://") => Err(Error::custom("a store is a directory, not a URL")),
        text => Ok(text.map(PathBuf::from)),
    }
}

pub(super) fn store<'de, D: Deserializer<'de>>(input: D) -> Result<PathBuf, D::Error> {
    optional_store(input)?.ok_or_else(|| Error::custom("the store must be a directory"))
}

pub(super) fn conninfo<'de, D: Deserializer<'de>>(input: D) -> Result<SecretString, D::Error> {
    let text = optional_text(input)?;
    text.map(SecretString::from).ok_or_else(|| Error::custom("a database needs a url"))
}

pub(super) fn port<'de, D: Deserializer<'de>>(input: D) -> Result<u16, D::Error> {
    let number = i64::deserialize(input)?;
    u16::try_from(number).ok().filter(|&port| port > 0).ok_or_else(|| Error::custom("a port is 1 to 65535"))
}

pub(super) fn compression_level<'de, D: Deserializer<'de>>(input: D) -> Result<i32, D::Error> {
    let level = i32::deserialize(input)?;
    if (1..=19).contains(&level) { Ok(level) } else { Err(Error::custom("a level is 1 to 19")) }
}

pub(super) fn major_version<'de, D: Deserializer<'de>>(input: D) -> Result<Option<u32>, D::Error> {
    let Some(text) = optional_text(input)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| Error::custom("a major version is a number such as \"17\""))
}

pub(super) fn optional_conninfo<'de, D: Deserializer<'de>>(
    input: D,
) -> Result<Option<SecretString>, D::Error> {
    Ok(optional_text(input)?.map(SecretString::from))
}

pub(super) fn optional_content<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Content>, D::Error> {
    let Some(text) = optional_text(input)? else { return Ok(None) };
    Content::deserialize(serde::de::value::StringDeserializer::new(text)).map(Some)
}

pub(super) fn schema_patterns<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<SchemaPattern>, D::Error> {
    let texts = Vec::<String>::deserialize(input)?;
    texts.iter().map(|text| SchemaPattern::parse(text).map_err(Error::custom)).collect()
}

pub(super) fn table_patterns<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<TablePattern>, D::Error> {
    let texts = Vec::<String>::deserialize(input)?;
    texts.iter().map(|text| TablePattern::parse(text).map_err(Error::custom)).collect()
}

pub(super) fn dump_options<'de, D: Deserializer<'de>>(input: D) -> Result<DumpOptions, D::Error> {
    DumpOptions::parse(&Vec::<String>::deserialize(input)?).map_err(Error::custom)
}

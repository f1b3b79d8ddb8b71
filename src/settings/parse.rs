//! Values as they stand in a file -> values as the program means them. An empty text means "not set".

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use secrecy::SecretString;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use unisys_db::pattern::{SchemaPattern, TablePattern};
use unisys_ops::backup::{DumpOptions, ReplicationLag};
use unisys_ops::platform::IoPriority;
use unisys_ops::store::Place;

use super::Content;
use super::units::{Size, Span};

pub(super) fn optional_text<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    Ok(Some(String::deserialize(input)?).filter(|text| !text.is_empty()))
}

pub(super) fn optional_secret<'de, D: Deserializer<'de>>(input: D) -> Result<Option<SecretString>, D::Error> {
    Ok(optional_text(input)?.map(SecretString::from))
}

fn optional<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(input: D) -> Result<Option<T>, D::Error> {
    optional_text(input)?.map(|text| text.parse().map_err(Error::custom)).transpose()
}

pub(super) fn optional_span<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Span>, D::Error> {
    optional(input)
}

pub(super) fn optional_size<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Size>, D::Error> {
    optional(input)
}

pub(super) fn optional_lag<'de, D: Deserializer<'de>>(input: D) -> Result<Option<ReplicationLag>, D::Error> {
    let Some(text) = optional_text(input)? else { return Ok(None) };
    let size = text.parse().map(|Size(bytes)| ReplicationLag::Bytes(bytes));
    size.or_else(|_| text.parse().map(|Span(time)| ReplicationLag::Time(time)))
        .map(Some)
        .map_err(|_| Error::custom("a lag is a length of time such as \"30s\", or a size such as \"256MB\""))
}

pub(super) fn nice<'de, D: Deserializer<'de>>(input: D) -> Result<i32, D::Error> {
    let nice = i32::deserialize(input)?;
    if (0..=19).contains(&nice) { Ok(nice) } else { Err(Error::custom("nice is 0 to 19")) }
}

pub(super) fn ionice<'de, D: Deserializer<'de>>(input: D) -> Result<Option<IoPriority>, D::Error> {
    match optional_text(input)?.as_deref() {
        None => Ok(None),
        Some("idle") => Ok(Some(IoPriority::Idle)),
        Some("best-effort") => Ok(Some(IoPriority::BestEffort)),
        Some(_) => Err(Error::custom("ionice is \"idle\" or \"best-effort\"")),
    }
}

pub(super) fn optional_path<'de, D: Deserializer<'de>>(input: D) -> Result<Option<PathBuf>, D::Error> {
    Ok(optional_text(input)?.map(PathBuf::from))
}

pub(super) fn optional_store<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Place>, D::Error> {
    optional_text(input)?.map(|text| Place::parse(&text).map_err(Error::custom)).transpose()
}

pub(super) fn store<'de, D: Deserializer<'de>>(input: D) -> Result<Place, D::Error> {
    optional_store(input)?.ok_or_else(|| Error::custom("a store is a directory or s3://bucket/prefix"))
}

pub(super) fn stores<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<Place>, D::Error> {
    let texts = Vec::<String>::deserialize(input)?;
    texts.iter().map(|text| Place::parse(text).map_err(Error::custom)).collect()
}

pub(super) fn endpoint<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    match optional_text(input)? {
        Some(text) if !text.starts_with("http://") && !text.starts_with("https://") => {
            Err(Error::custom("an endpoint begins with https:// (or http://)"))
        }
        text => Ok(text),
    }
}

pub(super) fn part_mib<'de, D: Deserializer<'de>>(input: D) -> Result<usize, D::Error> {
    let size = usize::deserialize(input)?;
    if (5..=512).contains(&size) { Ok(size) } else { Err(Error::custom("a part has 5 to 512 MiB")) }
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

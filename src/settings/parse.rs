//! Values as they stand in a file -> values as the program means them. An empty text means "not set".

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use secrecy::SecretString;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use unisys_ops::backup::Lag;
use unisys_ops::platform::IoPriority;

use super::units::{Size, Span};

pub(super) fn optional_text<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    Ok(Some(String::deserialize(input)?).filter(|text| !text.is_empty()))
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

pub(super) fn optional_lag<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Lag>, D::Error> {
    let Some(text) = optional_text(input)? else { return Ok(None) };
    let size = text.parse().map(|Size(bytes)| Lag::Bytes(bytes));
    size.or_else(|_| text.parse().map(|Span(time)| Lag::Time(time)))
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

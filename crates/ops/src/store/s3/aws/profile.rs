//! A profile of `~/.aws/config` and `~/.aws/credentials`.

use std::io;
use std::path::PathBuf;

use secrecy::SecretString;

use super::Credentials;
use crate::OpsError;

/// The keys by which a profile asks for something only Amazon's programs do.
const NOT_READ: [&str; 5] =
    ["credential_process", "sso_session", "sso_start_url", "role_arn", "source_profile"];

/// What a profile says.
#[derive(Clone, Debug, Default)]
pub(super) struct Profile {
    name: String,
    id: Option<String>,
    secret: Option<SecretString>,
    token: Option<SecretString>,
    not_read: Option<&'static str>,
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
    pub(super) ca: Option<PathBuf>,
}

impl Profile {
    /// Returns the profile of this name in the files; what a later one says wins. `None` where none knows it.
    pub(super) fn read(name: &str, files: impl Iterator<Item = PathBuf>) -> Result<Option<Self>, OpsError> {
        let mut profile = Self { name: name.to_owned(), ..Self::default() };
        let mut found = false;
        for path in files {
            match std::fs::read_to_string(&path) {
                Ok(text) => found |= profile.add(&text),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(OpsError::io("read", &path)(error)),
            }
        }
        Ok(found.then_some(profile))
    }

    /// Adds what a file says of this profile; returns whether it knows it.
    fn add(&mut self, text: &str) -> bool {
        let (mut inside, mut found) = (false, false);
        for line in text.lines() {
            let trimmed = line.trim();
            if let Some(section) = trimmed.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                // in the one file it is [profile NAME], in the other [NAME]
                inside = section.trim().trim_start_matches("profile ").trim() == self.name;
                found |= inside;
            } else if inside && !line.starts_with([' ', '\t', '#', ';']) {
                let Some((key, value)) = line.split_once('=') else { continue };
                self.set(key.trim(), value.trim().to_owned());
            }
        }
        found
    }

    fn set(&mut self, key: &str, value: String) {
        match key {
            "aws_access_key_id" => self.id = Some(value),
            "aws_secret_access_key" => self.secret = Some(value.into()),
            "aws_session_token" => self.token = Some(value.into()),
            "endpoint_url" => self.endpoint = Some(value),
            "region" => self.region = Some(value),
            "ca_bundle" => self.ca = Some(value.into()),
            _ => self.not_read = self.not_read.or(NOT_READ.into_iter().find(|known| *known == key)),
        }
    }

    /// Returns the profile's key, if it has one.
    ///
    /// # Errors
    /// It asks for what is not supported here: the reason.
    pub(super) fn credentials(&self) -> Result<Option<Credentials>, String> {
        match (&self.id, &self.secret, self.not_read) {
            (Some(id), Some(secret), _) => Ok(Some(Credentials::Key {
                id: id.clone(),
                secret: secret.clone(),
                token: self.token.clone(),
            })),
            (_, _, Some(key)) => Err(format!(
                "the profile {:?} asks for {key}, which is not supported; put keys into AWS_ACCESS_KEY_ID and its like with `aws configure export-credentials --format env`",
                self.name
            )),
            _ => Ok(None),
        }
    }
}

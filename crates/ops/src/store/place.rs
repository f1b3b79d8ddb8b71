//! Where a store is, as a person writes it: a directory, or `s3://bucket/prefix`.

use std::fmt;
use std::path::PathBuf;

/// The place of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A directory.
    Directory(PathBuf),
    /// A bucket, or a part of one.
    Bucket(BucketPlace),
}

/// A bucket and the prefix all names in it begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketPlace {
    /// The profile of the AWS configuration whose endpoint, region and keys are used: `s3://PROFILE@bucket`.
    pub profile: Option<String>,
    /// The bucket.
    pub bucket: String,
    /// What comes before the backups' names, without slashes at its ends; may be empty.
    pub prefix: String,
}

impl Place {
    /// Returns the place that `text` names.
    ///
    /// # Errors
    /// What is wrong with it, in a phrase.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("s3://") {
            return BucketPlace::parse(rest).map(Self::Bucket);
        }
        match text.split_once("://") {
            Some((scheme, _)) => {
                Err(format!("a store is a directory or s3://bucket/prefix, not a URL of {scheme}"))
            }
            None => Ok(Self::Directory(text.into())),
        }
    }
}

impl BucketPlace {
    fn parse(text: &str) -> Result<Self, String> {
        let (host, prefix) = text.split_once('/').unwrap_or((text, ""));
        let (profile, bucket) = match host.split_once('@') {
            Some((profile, bucket)) => (Some(profile), bucket),
            None => (None, host),
        };
        let is_name = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if profile.is_some_and(|profile| profile.contains(':')) {
            return Err("no key is written into the URL of a store; name a profile of ~/.aws".into());
        }
        if bucket.len() < 3 || !is_name(bucket) || profile.is_some_and(str::is_empty) {
            return Err(format!("{bucket:?} is no name of a bucket: s3://bucket/prefix"));
        }
        let prefix = prefix.trim_matches('/');
        let segments = || prefix.split('/');
        if !prefix.is_empty() && segments().any(|part| matches!(part, "" | "." | "..") || !is_name(part)) {
            return Err(format!(
                "{prefix:?} is no prefix: letters, digits, \"-\", \"_\", \".\", with \"/\" between"
            ));
        }
        Ok(Self { profile: profile.map(str::to_owned), bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(f),
            Self::Bucket(place) => place.fmt(f),
        }
    }
}

impl fmt::Display for BucketPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (profile, at) = self.profile.as_deref().map_or(("", ""), |profile| (profile, "@"));
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(f, "s3://{profile}{at}{}{slash}{}", self.bucket, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("backups", "backups")]
    #[case("/var/lib/a b", "/var/lib/a b")]
    #[case("s3://nightly", "s3://nightly")]
    #[case("s3://nightly/", "s3://nightly")]
    #[case("s3://nightly/a/b_c/", "s3://nightly/a/b_c")]
    #[case("s3://offsite@nightly/a", "s3://offsite@nightly/a")]
    fn a_place_reads_back(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(Place::parse(text).unwrap().to_string(), expected);
    }

    #[rstest::rstest]
    #[case("https://nightly", "not a URL of https")]
    #[case("s3://", "no name of a bucket")]
    #[case("s3://ab", "no name of a bucket")]
    #[case("s3://key:secret@nightly", "no key is written")]
    #[case("s3://@nightly", "no name of a bucket")]
    #[case("s3://nightly/../x", "no prefix")]
    #[case("s3://nightly/a//b", "no prefix")]
    #[case("s3://nightly/a?b=c", "no prefix")]
    fn what_is_no_place_is_told(#[case] text: &str, #[case] expected: &str) {
        let error = Place::parse(text).unwrap_err();
        assert!(error.contains(expected) && !error.contains("secret"), "{error}");
    }
}

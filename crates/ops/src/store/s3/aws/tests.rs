use super::*;

const CONFIG: &str = "[default]\nregion = eu-west-1\n[profile offsite]\nregion=fr\nendpoint_url = https://far.example\n\
    ca_bundle = /etc/far.pem\ns3 =\n    max_concurrent_requests = 20\n[profile single-sign-on]\nsso_session = x\n";
const KEYS: &str = "# keys\n[default]\naws_access_key_id = ID-D\naws_secret_access_key = secret-d\n\
    [offsite]\naws_access_key_id=ID-O\naws_secret_access_key=secret=o\naws_session_token = token-o\n";

/// Returns endpoint, region, certificates and key for a URL, settings, and an environment.
fn found(url: &str, wishes: &S3Wishes, vars: &[(&str, &str)], files: bool) -> Result<String, String> {
    let home = tempfile::tempdir().unwrap();
    if files {
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        std::fs::write(home.path().join(".aws/config"), CONFIG).unwrap();
        std::fs::write(home.path().join(".aws/credentials"), KEYS).unwrap();
    }
    let crate::store::Place::Bucket(place) = crate::store::Place::parse(url).unwrap() else {
        panic!("{url}")
    };
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let sources = AwsSources { vars: &vars, home: Some(home.path()) };
    let found = sources.find(&place, wishes).map_err(|error| error.to_string())?;
    let debug = format!("{found:?}");
    assert!(["secret-", "secret=", "token-"].iter().all(|secret| !debug.contains(secret)), "{debug}");
    let credentials = match found.credentials {
        Credentials::Key { id, secret, token } => {
            let token = token.map(|token| token.expose_secret().to_owned()).unwrap_or_default();
            format!("{id} {} {token}", secret.expose_secret())
        }
        other => format!("{other:?}"),
    };
    let ca = found.ca.map(|path| path.display().to_string()).unwrap_or_default();
    Ok(format!("{} {} {ca}| {credentials}", found.endpoint.unwrap_or_default(), found.region))
}

const NOTHING: S3Wishes = S3Wishes { endpoint: None, region: None, ca: None };
const KEY: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "ID-E"), ("AWS_SECRET_ACCESS_KEY", "secret-e")];

#[test]
fn the_settings_win_over_the_environment_and_that_over_the_profile() {
    assert_eq!(found("s3://abc", &NOTHING, &[], true).unwrap(), " eu-west-1 | ID-D secret-d ");
    let vars = [&KEY[..], &[("AWS_REGION", "us-west-2"), ("AWS_ENDPOINT_URL", "http://h")]].concat();
    assert_eq!(found("s3://abc", &NOTHING, &vars, true).unwrap(), "http://h us-west-2 | ID-E secret-e ");
    let wishes =
        S3Wishes { endpoint: Some("https://set".into()), region: Some("r".into()), ca: Some("/c".into()) };
    assert_eq!(found("s3://abc", &wishes, &vars, true).unwrap(), "https://set r /c| ID-E secret-e ");
    let vars = [("AWS_PROFILE", "offsite"), ("AWS_REGION", "us-west-2")];
    let expected = "https://far.example us-west-2 /etc/far.pem| ID-O secret=o token-o";
    assert_eq!(found("s3://abc", &NOTHING, &vars, true).unwrap(), expected);
}

#[test]
fn a_profile_in_the_url_is_all_there_is_to_it() {
    let wishes = S3Wishes { endpoint: Some("https://set".into()), region: Some("r".into()), ca: None };
    let vars = [&KEY[..], &[("AWS_ENDPOINT_URL", "http://h")]].concat();
    let expected = "https://far.example fr /etc/far.pem| ID-O secret=o token-o";
    assert_eq!(found("s3://offsite@abc/x", &wishes, &vars, true).unwrap(), expected);
}

#[test]
fn without_a_key_there_is_the_role_of_the_place_it_runs_in() {
    let pod = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ("AWS_ROLE_ARN", "arn")];
    assert!(found("s3://abc", &NOTHING, &pod, false).unwrap().contains("WebIdentity"));
    let task = [("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2")];
    assert!(found("s3://abc", &NOTHING, &task, false).unwrap().contains("Container"));
    assert!(found("s3://abc", &NOTHING, &[], false).unwrap().contains("Instance"));
}

#[rstest::rstest]
#[case("s3://abc", &[("AWS_ENDPOINT_URL", "http://h")], "neither AWS_ACCESS_KEY_ID")]
#[case("s3://abc", &[("AWS_EC2_METADATA_DISABLED", "true")], "neither AWS_ACCESS_KEY_ID")]
#[case("s3://nobody@abc", &[], "there is no profile \"nobody\"")]
#[case("s3://abc", &[("AWS_PROFILE", "nobody")], "which AWS_PROFILE names")]
fn no_key_is_told_with_where_it_was_looked_for(
    #[case] url: &str,
    #[case] vars: &[(&str, &str)],
    #[case] expected: &str,
) {
    let error = found(url, &NOTHING, vars, false).unwrap_err();
    assert!(error.contains(expected) && error.contains("abc"), "{error}");
}

#[test]
fn what_a_profile_asks_for_in_vain_is_told() {
    let error = found("s3://single-sign-on@abc", &NOTHING, &[], true).unwrap_err();
    assert!(error.contains("sso_session") && error.contains("export-credentials"), "{error}");
}

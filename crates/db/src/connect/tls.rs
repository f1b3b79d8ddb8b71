//! TLS by the system's library, as strict as `sslmode` and `sslrootcert` ask.

use std::fs;
use std::path::Path;

use native_tls::{Certificate, Identity, Protocol, TlsConnector};
use postgres_native_tls::MakeTlsConnector;

use super::{SYSTEM_ROOTS, SslMode, TlsOptions};

/// Builds the connector, or says what is wrong with the options or their files.
///
/// As in libpq, a root certificate makes every mode check the server's certificate, and without one `verify-*` refuse
/// and the others check nothing. Stricter than libpq: a root certificate that was named must exist in every mode.
pub(crate) fn connector(options: &TlsOptions) -> Result<MakeTlsConnector, String> {
    let mut builder = TlsConnector::builder();
    builder.min_protocol_version(Some(Protocol::Tlsv12)); // libpq's ssl_min_protocol_version
    builder.danger_accept_invalid_hostnames(options.mode < SslMode::VerifyFull);
    match &options.root_cert {
        Some(path) if path.as_os_str() == SYSTEM_ROOTS => {}
        Some(path) => {
            builder.disable_built_in_roots(true);
            for certificate in roots(path)? {
                builder.add_root_certificate(certificate);
            }
        }
        None if options.mode >= SslMode::VerifyCa => {
            let mode = options.mode.as_str();
            return Err(format!(
                "sslmode={mode} needs sslrootcert: a file of authorities, or \"system\" for those of this machine"
            ));
        }
        None => {
            builder.danger_accept_invalid_certs(true);
        }
    }
    if let Some(cert) = &options.cert {
        let key = options
            .key
            .as_deref()
            .ok_or_else(|| format!("{} has no sslkey to go with it", cert.display()))?;
        builder.identity(identity(cert, key)?);
    }
    builder.build().map(MakeTlsConnector::new).map_err(|error| match (&options.cert, &options.key) {
        // The one thing left that can be wrong: the key is another certificate's.
        (Some(cert), Some(key)) => unusable(cert, key, &error),
        _ => error.to_string(),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("could not read {}: {error}", path.display()))
}

fn roots(path: &Path) -> Result<Vec<Certificate>, String> {
    let found = Certificate::stack_from_pem(&read(path)?)
        .map_err(|error| format!("could not read the certificates in {}: {error}", path.display()))?;
    if found.is_empty() {
        return Err(format!("there is no certificate in {}", path.display()));
    }
    Ok(found)
}

fn identity(cert: &Path, key: &Path) -> Result<Identity, String> {
    check_private(key)?;
    let pem = read(key)?;
    // The system libraries agree on PKCS #8 only; what `openssl genrsa` of old wrote is refused here.
    if !pem.starts_with(b"-----BEGIN PRIVATE KEY-----") {
        let shown = key.display();
        return Err(format!(
            "{shown} is not an unencrypted PKCS #8 key in PEM (openssl pkcs8 -topk8 -nocrypt makes one of it)"
        ));
    }
    Identity::from_pkcs8(&read(cert)?, &pem).map_err(|error| unusable(cert, key, &error))
}

fn unusable(cert: &Path, key: &Path, error: &native_tls::Error) -> String {
    format!("could not use {} with {}: {error}", cert.display(), key.display())
}

/// libpq's rule: a key is a file of ours that nobody else can touch, or one of root's that the group can at most read.
#[cfg(unix)]
fn check_private(key: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(key).map_err(|error| format!("could not read {}: {error}", key.display()))?;
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    if !metadata.is_file() || metadata.mode() & forbidden != 0 {
        let shown = key.display();
        return Err(format!(
            "private key {shown} must be a plain file with permissions 0600 or less (0640 or less where it is root's)"
        ));
    }
    Ok(())
}

#[cfg(windows)]
fn check_private(_key: &Path) -> Result<(), String> {
    Ok(())
}

//! Sealing: bytes → zstd → age → file, and back. Nothing is stored in any other way.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::OpsError;
use crate::keys::{Identities, Opener, Recipient, Rewrapped, hex, of_encryption, with_keys};
use crate::store::{Part, read_failed};

const NOT_THE_FILE: &str = "it is not the file the manifest names (size or SHA-256 differ)";

/// A stored file: what its bytes must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Its name in the backup, with `/` between directories.
    pub name: String,
    /// Its size as stored, in bytes.
    pub bytes: u64,
    /// The SHA-256 of the stored bytes, in hexadecimal, as `sha256sum` prints it.
    pub sha256: String,
    /// The size of what was sealed in it, in bytes.
    pub content_bytes: u64,
}

/// Counts and hashes what passes through.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(data)?;
        self.hash.update(&data[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

type Stack = zstd::Encoder<'static, age::stream::StreamWriter<Hashing<Box<dyn Part>>>>;

/// A file being sealed.
pub struct Sealed {
    name: String,
    stack: Stack,
    content_bytes: u64,
}

impl Sealed {
    /// Starts sealing into `part`.
    ///
    /// # Errors
    /// [`OpsError::Key`] without recipients, or for some that refuse each other; [`OpsError::PluginMissing`];
    /// [`OpsError::Seal`]. What cannot be encrypted is not written.
    pub fn start(
        name: &str,
        part: Box<dyn Part>,
        recipients: &[Recipient],
        level: i32,
    ) -> Result<Self, OpsError> {
        let fail = |reason: String| OpsError::Seal { name: name.to_owned(), reason };
        let encryptor = with_keys(recipients, |keys| {
            age::Encryptor::with_recipients(keys.iter().map(|key| &**key))
                .map_err(|error| of_encryption(&error))
        })?;
        let hashing = Hashing { inner: part, hash: Sha256::new(), bytes: 0 };
        let stream = encryptor.wrap_output(hashing).map_err(|error| fail(error.to_string()))?;
        let stack = zstd::Encoder::new(stream, level).map_err(|error| fail(error.to_string()))?;
        Ok(Self { name: name.to_owned(), stack, content_bytes: 0 })
    }

    /// Seals more bytes.
    ///
    /// # Errors
    /// [`OpsError::Write`] when the store does not take them.
    pub fn write(&mut self, data: &[u8]) -> Result<(), OpsError> {
        self.stack.write_all(data).map_err(|source| OpsError::Write { name: self.name.clone(), source })?;
        self.content_bytes += data.len() as u64;
        Ok(())
    }

    /// Ends the file: writes the last chunk, by which a reader knows that nothing is missing, and makes the store keep it.
    ///
    /// # Errors
    /// [`OpsError::Write`].
    pub fn finish(self) -> Result<StoredFile, OpsError> {
        let Self { name, stack, content_bytes } = self;
        let finish = || -> io::Result<(Sha256, u64)> {
            let Hashing { mut inner, hash, bytes } = stack.finish()?.finish()?;
            inner.flush()?;
            inner.keep()?;
            Ok((hash, bytes))
        };
        match finish() {
            Ok((hash, bytes)) => Ok(StoredFile { name, bytes, sha256: hex(&hash.finalize()), content_bytes }),
            Err(source) => Err(OpsError::Write { name, source }),
        }
    }
}

/// Copies a stored file for other recipients: with another header, and with its payload as it is, to the byte. `advance` is told
/// how many bytes were copied.
///
/// # Errors
/// [`OpsError::Open`] when no identity opens the file, or it is not the one the manifest names; [`OpsError::Key`],
/// [`OpsError::PluginMissing`], [`OpsError::Write`].
pub(crate) fn rewrap(
    file: &StoredFile,
    stored: Box<dyn Read + Send>,
    identities: &Identities,
    recipients: &[Recipient],
    part: Box<dyn Part>,
    advance: &mut dyn FnMut(u64),
) -> Result<StoredFile, OpsError> {
    let mut rewrapped = Rewrapped::new(&file.name, stored, identities, recipients)?;
    let mut old = Hashing { inner: io::sink(), hash: Sha256::new(), bytes: 0 };
    let mut new = Hashing { inner: part, hash: Sha256::new(), bytes: 0 };
    let write_failed = |source| OpsError::Write { name: file.name.clone(), source };
    old.write_all(&rewrapped.old_header).map_err(write_failed)?;
    new.write_all(&rewrapped.new_header).map_err(write_failed)?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = rewrapped.payload.read(&mut buffer).map_err(|error| read_failed(error, &file.name))?;
        if read == 0 {
            break;
        }
        old.write_all(&buffer[..read]).map_err(write_failed)?;
        new.write_all(&buffer[..read]).map_err(write_failed)?;
        advance(read as u64);
    }
    if old.bytes != file.bytes || hex(&old.hash.finalize()) != file.sha256 {
        return Err(OpsError::Open { name: file.name.clone(), reason: NOT_THE_FILE.into() });
    }
    let Hashing { inner: mut part, hash, bytes } = new;
    part.flush().and_then(|()| part.keep()).map_err(write_failed)?;
    let (name, content_bytes) = (file.name.clone(), file.content_bytes);
    Ok(StoredFile { name, bytes, sha256: hex(&hash.finalize()), content_bytes })
}

/// What a reader has seen of a stored file so far.
#[derive(Default)]
struct Seen {
    hash: Sha256,
    bytes: u64,
    /// What the store failed with, which says nothing about the file.
    failure: Option<OpsError>,
}

struct Watching<R> {
    inner: R,
    seen: Arc<Mutex<Seen>>,
}

impl<R: Read> Read for Watching<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.inner.read(buffer);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let read = match result.map_err(io::Error::downcast::<OpsError>) {
            Ok(read) => read,
            Err(Err(error)) => return Err(error),
            Err(Ok(failure)) => {
                seen.failure = Some(failure);
                return Err(io::Error::other("the store failed"));
            }
        };
        seen.hash.update(&buffer[..read]);
        seen.bytes += read as u64;
        Ok(read)
    }
}

/// Returns why a file could not be read: the store's failure where there was one, else what is wrong with the file.
fn failed(name: &str, reason: String, seen: &Mutex<Seen>) -> OpsError {
    let failure = seen.lock().unwrap_or_else(PoisonError::into_inner).failure.take();
    failure.unwrap_or_else(|| OpsError::Open { name: name.to_owned(), reason })
}

/// A sealed file being read. Nothing read from it can be trusted before [`Opened::finish`] has said so.
pub struct Opened {
    file: StoredFile,
    stack: Box<dyn Read + Send>,
    seen: Arc<Mutex<Seen>>,
}

impl Opened {
    /// Starts reading `file` from its stored bytes.
    ///
    /// # Errors
    /// [`OpsError::Open`] when no identity opens it; [`OpsError::Key`], [`OpsError::PluginMissing`] when one could not be tried.
    pub fn start(
        file: &StoredFile,
        stored: Box<dyn Read + Send>,
        identities: &Identities,
    ) -> Result<Self, OpsError> {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let fail = |reason: String| failed(&file.name, reason, &seen);
        let watching = Watching { inner: stored, seen: Arc::clone(&seen) };
        let decryptor = age::Decryptor::new_buffered(io::BufReader::with_capacity(128 * 1024, watching));
        let decryptor = decryptor.map_err(|error| fail(error.to_string()))?;
        let opener = Opener::new(identities);
        let stream = decryptor.decrypt(std::iter::once(&opener as &dyn age::Identity));
        let stream = stream.map_err(|error| opener.explain(&file.name, &error))?;
        let stack = zstd::Decoder::new(stream).map_err(|error| fail(error.to_string()))?;
        Ok(Self { file: file.clone(), stack: Box::new(stack), seen })
    }

    /// Reads more; 0 at the end.
    ///
    /// # Errors
    /// [`OpsError::Open`] when the stored bytes are not what was sealed: damaged, cut, or not ours.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, OpsError> {
        let read = self.stack.read(buffer);
        read.map_err(|error| failed(&self.file.name, error.to_string(), &self.seen))
    }

    /// Checks that the whole file was read and that it is the one the manifest names.
    ///
    /// # Errors
    /// [`OpsError::Open`].
    pub fn finish(mut self) -> Result<(), OpsError> {
        let mut rest = [0; 1];
        if self.read(&mut rest)? != 0 {
            return Err(OpsError::Open { name: self.file.name, reason: "it was not read to its end".into() });
        }
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        if seen.bytes != self.file.bytes || hex(&seen.hash.finalize()) != self.file.sha256 {
            return Err(OpsError::Open { name: self.file.name, reason: NOT_THE_FILE.into() });
        }
        Ok(())
    }

    /// Reads the whole file into memory and checks it; for small ones.
    ///
    /// # Errors
    /// [`OpsError::Open`].
    pub fn read_all(mut self) -> Result<Vec<u8>, OpsError> {
        let mut content = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match self.read(&mut buffer)? {
                0 => break,
                read => content.extend_from_slice(&buffer[..read]),
            }
        }
        self.finish()?;
        Ok(content)
    }
}

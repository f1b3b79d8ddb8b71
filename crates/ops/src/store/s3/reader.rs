//! Reading an object in pieces, the next one already on its way. A piece that fails is asked for again; an object that changed
//! meanwhile is refused by its tag.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use bytes::{Buf, Bytes};

use super::bucket::Bucket;
use crate::OpsError;

/// The size of a piece, in bytes.
const PIECE: u64 = 4 << 20;

/// An object being read.
pub(super) struct ObjectReader {
    bucket: Arc<Bucket>,
    name: String,
    tag: Option<String>,
    size: u64,
    /// Where the next piece to ask for begins.
    at: u64,
    piece: Bytes,
    next: Option<Receiver<Result<Bytes, OpsError>>>,
}

impl ObjectReader {
    /// Opens an object; its first piece is waited for, so that a missing one shows here.
    ///
    /// # Errors
    /// `missing` where there is none; the bucket's.
    pub(super) fn open(bucket: &Arc<Bucket>, name: String, missing: OpsError) -> Result<Self, OpsError> {
        let (asked, first) = (Arc::clone(bucket), name.clone());
        let found = bucket.engine.wait(async move { asked.get_range(&first, 0..PIECE, None).await });
        let (size, tag, piece) = match found {
            Ok(Some((meta, piece))) => (meta.size, meta.e_tag, piece),
            Ok(None) => return Err(missing),
            // an empty object has no first byte to ask for
            Err(OpsError::Bucket { reason, .. }) if reason.starts_with("416") => (0, None, Bytes::new()),
            Err(error) => return Err(error),
        };
        let at = piece.len() as u64;
        let mut reader = Self { bucket: Arc::clone(bucket), name, tag, size, at, piece, next: None };
        reader.ask();
        Ok(reader)
    }

    /// Asks for the next piece, if there is one.
    fn ask(&mut self) {
        if self.at >= self.size {
            return;
        }
        let (send, next) = sync_channel(1);
        let (bucket, name, tag) = (Arc::clone(&self.bucket), self.name.clone(), self.tag.clone());
        let range = self.at..(self.at + PIECE).min(self.size);
        self.at = range.end;
        self.next = Some(next);
        self.bucket.engine.handle().spawn(async move {
            let length = range.end - range.start;
            let piece = match bucket.get_range(&name, range, tag.as_deref()).await {
                Ok(Some((_, piece))) if piece.len() as u64 == length => Ok(piece),
                Ok(_) => Err(OpsError::Open { name, reason: "it changed while it was read".into() }),
                Err(error) => Err(error),
            };
            // nobody reads on when the receiver is gone
            let _ = send.send(piece);
        });
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty()
            && let Some(next) = self.next.take()
        {
            let stopped = || Err(OpsError::Refused("the bucket's thread was stopped".into()));
            self.piece = next.recv().unwrap_or_else(|_| stopped()).map_err(io::Error::other)?;
            self.ask();
        }
        let size = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..size]);
        Ok(size)
    }
}

//! Rows in the text format of COPY (PostgreSQL documentation, COPY, "Text Format"), written straight into the buffer
//! that is sent.

use bytes::{BufMut, Bytes, BytesMut};
use chrono::{Datelike, NaiveDate};

use super::rng::Rng;
use super::seal::Sealer;
use super::world::INSTITUTIONS;

/// A row's id, as version 4 shapes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Uuid(pub(crate) u64, pub(crate) u64);

/// Rows waiting to be sent.
#[derive(Debug)]
pub(crate) struct Rows {
    sealer: Sealer,
    buffer: BytesMut,
    /// A field of the row stands before.
    within: bool,
    /// The last running number of each institution: the one thing that goes from row to row, because receipts leave no gap.
    last: [u64; INSTITUTIONS as usize],
}

impl Rows {
    pub(crate) fn new(sealer: Sealer) -> Self {
        Self { sealer, buffer: BytesMut::new(), within: false, last: [0; INSTITUTIONS as usize] }
    }

    pub(crate) fn len(&self) -> usize {
        self.buffer.len()
    }

    pub(crate) fn take(&mut self) -> Bytes {
        self.buffer.split().freeze()
    }

    /// Returns the next running number of an institution, from 1.
    pub(crate) fn running(&mut self, institution: u64) -> u64 {
        let last = &mut self.last[institution as usize];
        *last += 1;
        *last
    }

    pub(crate) fn end(&mut self) {
        self.buffer.put_u8(b'\n');
        self.within = false;
    }

    pub(crate) fn null(&mut self) {
        self.plain(b"\\N");
    }

    /// A field that needs no escape.
    pub(crate) fn plain(&mut self, bytes: &[u8]) {
        if self.within {
            self.buffer.put_u8(b'\t');
        }
        self.within = true;
        self.buffer.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.plain(b"");
        let mut rest = text.as_bytes();
        while let Some(at) = rest.iter().position(|b| matches!(b, b'\\' | b'\n' | b'\r' | b'\t')) {
            self.buffer.extend_from_slice(&rest[..at]);
            self.buffer.extend_from_slice(match rest[at] {
                b'\n' => b"\\n",
                b'\r' => b"\\r",
                b'\t' => b"\\t",
                _ => b"\\\\",
            });
            rest = &rest[at + 1..];
        }
        self.buffer.extend_from_slice(rest);
    }

    pub(crate) fn maybe_text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.null(),
        }
    }

    /// A value of an encrypted column.
    pub(crate) fn sealed(&mut self, plain: Option<&String>, rng: &mut Rng) {
        match plain {
            Some(plain) => {
                let sealed = self.sealer.seal(plain, rng);
                self.plain(sealed.as_bytes());
            }
            None => self.null(),
        }
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.plain(if value { b"t" } else { b"f" });
    }

    pub(crate) fn uint(&mut self, value: u64) {
        let (digits, from) = decimal(value);
        self.plain(&digits[from..]);
    }

    /// Hundredths, as `numeric(…, 2)`.
    pub(crate) fn hundredths(&mut self, value: u64) {
        self.uint(value / 100);
        let rest = (value % 100) as u8;
        self.buffer.extend_from_slice(&[b'.', b'0' + rest / 10, b'0' + rest % 10]);
    }

    pub(crate) fn uuid(&mut self, id: Uuid) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        // Version 4 and the variant of RFC 9562, section 5.4.
        let high = (id.0 & !0xf000) | 0x4000;
        let low = (id.1 & !(0b11 << 62)) | (0b10 << 62);
        let mut out = [b'-'; 36];
        let mut at = 0;
        for i in 0..32 {
            if matches!(i, 8 | 12 | 16 | 20) {
                at += 1;
            }
            let word = if i < 16 { high } else { low };
            out[at] = HEX[(word >> (60 - 4 * (i % 16)) & 15) as usize];
            at += 1;
        }
        self.plain(&out);
    }

    pub(crate) fn maybe_uuid(&mut self, id: Option<Uuid>) {
        match id {
            Some(id) => self.uuid(id),
            None => self.null(),
        }
    }

    /// Bytes, as `bytea`.
    pub(crate) fn bytes(&mut self, words: &[u64]) {
        let mut hex = String::from("\\\\x");
        for word in words {
            hex.push_str(&format!("{word:016x}"));
        }
        self.plain(hex.as_bytes());
    }

    /// A date by its days since 1970.
    pub(crate) fn date(&mut self, days: i32) {
        self.plain(&iso(days));
    }

    /// A moment, UTC, by its seconds since 1970.
    pub(crate) fn moment(&mut self, seconds: i64) {
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400) as u32);
        let mut out = *b"0000-00-00 00:00:00+00";
        out[..10].copy_from_slice(&iso(days as i32));
        for (at, value) in [(11, rest / 3600), (14, rest / 60 % 60), (17, rest % 60)] {
            out[at] = b'0' + (value / 10) as u8;
            out[at + 1] = b'0' + (value % 10) as u8;
        }
        self.plain(&out);
    }
}

/// Returns a number's digits at the end of the array, and where they begin.
pub(crate) fn decimal(mut value: u64) -> ([u8; 20], usize) {
    let mut out = [b'0'; 20];
    let mut at = out.len();
    loop {
        at -= 1;
        out[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            return (out, at);
        }
    }
}

fn iso(days: i32) -> [u8; 10] {
    let date = NaiveDate::from_epoch_days(days).unwrap_or_default();
    let mut out = *b"0000-00-00";
    let year = date.year() as u32;
    for (at, value) in [(0, year / 100), (2, year % 100), (5, date.month()), (8, date.day())] {
        out[at] = b'0' + (value / 10) as u8;
        out[at + 1] = b'0' + (value % 10) as u8;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::seal::ColumnKey;
    use super::*;

    #[test]
    fn a_row_is_what_copy_reads() {
        let mut rows = Rows::new(Sealer::new(ColumnKey::demonstration(1)));
        rows.text("a\tb\\c\nd\r");
        rows.null();
        rows.uint(0);
        rows.hundredths(120_005);
        rows.bool(true);
        rows.date(-1);
        rows.moment(86_399);
        rows.uuid(Uuid(0x0123_4567_89ab_cdef, 0xffff_ffff_ffff_ffff));
        rows.end();
        rows.uint(u64::MAX);
        rows.end();
        let expected = "a\\tb\\\\c\\nd\\r\t\\N\t0\t1200.05\tt\t1969-12-31\t1970-01-01 23:59:59+00\t\
            01234567-89ab-4def-bfff-ffffffffffff\n18446744073709551615\n";
        assert_eq!(std::str::from_utf8(&rows.take()).unwrap(), expected);
    }
}

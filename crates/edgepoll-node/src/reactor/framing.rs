//! The built-in framings as JavaScript asks for them. `src/connections/framing.ts` has the defaults, the checks and what each option
//! means.

use std::num::NonZeroUsize;
use std::rc::Rc;

use edgepoll::protocol::{
    Delimiter, Endian, Factory, FixedSize, LengthPrefix, LengthSize, LineEnd, Lines, Netstring,
    TooLong,
};
use napi::bindgen_prelude::Uint8Array;
use napi::{Error, Result};
use napi_derive::napi;

/// A framing: its type, and the fields that the type needs. The others are left out.
#[napi(object, object_to_js = false)]
#[derive(Default)]
pub struct FramingSettings {
    /// 'bytes', 'lines', 'delimiter', 'length-prefix', 'fixed' or 'netstring'.
    #[napi(js_name = "type")]
    pub kind: String,
    /// 'close', 'skip' or 'report'.
    pub too_long: Option<String>,
    /// Whether a chunk has its delimiter.
    pub keep_end: Option<bool>,
    /// The end of written lines, 'lf' or 'crlf'.
    pub write: Option<String>,
    /// The delimiter, 1 to 64 bytes.
    pub delimiter: Option<Uint8Array>,
    /// The bytes of a length, 0 for a varint; or of each message.
    pub size: Option<u32>,
    /// 'big' or 'little'.
    pub endian: Option<String>,
    /// The bytes in front of the length.
    pub offset: Option<u32>,
    /// Whether the length counts the header.
    pub inclusive: Option<bool>,
    /// What is added to the length.
    pub adjust: Option<i32>,
    /// Whether a chunk has the header.
    pub keep_header: Option<bool>,
}

/// The factory of a framing, whose messages have at most `most` bytes. `None` for bytes as they arrive.
pub(super) fn framing_of(framing: &FramingSettings, most: usize) -> Result<Option<Rc<Factory>>> {
    let factory = match framing.kind.as_str() {
        "bytes" => return Ok(None),
        "lines" => {
            let lines = Lines::new(most)
                .too_long(too_long(framing)?)
                .keep_end(framing.keep_end.unwrap_or_default())
                .write_end(line_end(framing)?);
            Factory::new(lines)
        }
        "delimiter" => {
            let bytes = framing.delimiter.as_deref().unwrap_or_default();
            let delimiter = Delimiter::new(bytes, most)
                .ok_or_else(|| Error::from_reason("a delimiter has 1 to 64 bytes"))?
                .too_long(too_long(framing)?)
                .keep_end(framing.keep_end.unwrap_or_default());
            Factory::new(delimiter)
        }
        "length-prefix" => Factory::new(length_prefix(framing, most)?),
        "fixed" => {
            let size = NonZeroUsize::new(framing.size.unwrap_or_default() as usize);
            let size = size.ok_or_else(|| Error::from_reason("a message has at least 1 byte"))?;
            Factory::new(FixedSize::new(size))
        }
        "netstring" => Factory::new(Netstring::new(most)),
        other => return Err(unknown("framing", other)),
    };
    Ok(Some(Rc::new(factory)))
}

fn length_prefix(framing: &FramingSettings, most: usize) -> Result<LengthPrefix> {
    let size = match framing.size {
        Some(0) => LengthSize::Varint,
        Some(1) => LengthSize::U8,
        Some(2) => LengthSize::U16,
        Some(3) => LengthSize::U24,
        Some(4) => LengthSize::U32,
        Some(8) => LengthSize::U64,
        other => return Err(unknown("size of a length", &format!("{other:?}"))),
    };
    let endian = match framing.endian.as_deref() {
        None | Some("big") => Endian::Big,
        Some("little") => Endian::Little,
        Some(other) => return Err(unknown("order of bytes", other)),
    };
    Ok(LengthPrefix::new(size, most)
        .endian(endian)
        .offset(framing.offset.unwrap_or_default() as usize)
        .inclusive(framing.inclusive.unwrap_or_default())
        .adjust(framing.adjust.unwrap_or_default().into())
        .keep_header(framing.keep_header.unwrap_or_default()))
}

fn too_long(framing: &FramingSettings) -> Result<TooLong> {
    match framing.too_long.as_deref() {
        None | Some("close") => Ok(TooLong::Close),
        Some("skip") => Ok(TooLong::Skip),
        Some("report") => Ok(TooLong::Report),
        Some(other) => Err(unknown("fate of long messages", other)),
    }
}

fn line_end(framing: &FramingSettings) -> Result<LineEnd> {
    match framing.write.as_deref() {
        None | Some("lf") => Ok(LineEnd::Lf),
        Some("crlf") => Ok(LineEnd::CrLf),
        Some(other) => Err(unknown("end of a line", other)),
    }
}

fn unknown(what: &str, word: &str) -> Error {
    Error::from_reason(format!("no such {what}: {word}"))
}

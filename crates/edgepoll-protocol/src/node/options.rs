//! The options that JavaScript passed to a plug-in's function.

use std::cell::RefCell;
use std::ffi::{c_int, CStr};
use std::fmt;
use std::ops::RangeInclusive;
use std::ptr;

use super::symbols::{
    napi_coerce_to_string, napi_get_array_length, napi_get_element, napi_get_named_property,
    napi_get_property_names, napi_get_value_bool, napi_get_value_double,
    napi_get_value_string_utf8, napi_is_array, napi_typeof, Raw, BOOLEAN, EXTERNAL, FUNCTION,
    NUMBER, OBJECT, OK, STRING, SYMBOL, UNDEFINED,
};

/// Why options are refused. The texts name the option, and say what it must be and what it is: `maxLength must be an integer from 1 to
/// 100, not 0`. JavaScript shows them behind the protocol's name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionError {
    /// A wrong type: a TypeError in JavaScript, with the code `ERR_INVALID_ARG_TYPE`.
    Type(String),
    /// A number outside its range, or a word that is none of those that are allowed: a RangeError with the code `ERR_OUT_OF_RANGE`.
    Range(String),
    /// The right type, and a value that does not fit the other options: a TypeError with the code `ERR_INVALID_ARG_VALUE`.
    Value(String),
    /// An option that there is not: a TypeError with the code `ERR_UNKNOWN_OPTION`.
    Unknown(String),
}

impl OptionError {
    fn text(&self) -> &str {
        let (OptionError::Type(text)
        | OptionError::Range(text)
        | OptionError::Value(text)
        | OptionError::Unknown(text)) = self;
        text
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for OptionError {}

/// The options that JavaScript passed: an object, or nothing. They can be read while the call runs.
///
/// An option that is missing or `undefined` has its default. An option that no method asked for is an error of the call.
pub struct Options {
    env: Raw,
    /// Null if nothing was passed.
    object: Raw,
    known: RefCell<Vec<&'static CStr>>,
}

impl Options {
    /// # Safety
    /// `env` is live, and this is inside a call from JavaScript, for as long as the options are used. `value` is null or the argument.
    pub(super) unsafe fn new(env: Raw, value: Raw) -> Result<Options, OptionError> {
        let mut options = Options {
            env,
            object: ptr::null_mut(),
            known: RefCell::default(),
        };
        if !value.is_null() {
            match options.type_of(value) {
                UNDEFINED => {}
                OBJECT if !options.is_array(value) => options.object = value,
                _ => return Err(options.wrong_type("options", "an object", value)),
            }
        }
        Ok(options)
    }

    /// An integer in `range`.
    ///
    /// # Errors
    /// [`OptionError`].
    pub fn integer(
        &self,
        name: &'static CStr,
        range: RangeInclusive<u32>,
        default: u32,
    ) -> Result<u32, OptionError> {
        let (least, most) = (*range.start(), *range.end());
        let wanted = format!("an integer from {least} to {most}");
        let Some(value) = self.get(name, NUMBER, &wanted)? else {
            return Ok(default);
        };
        let mut number = 0.0;
        // SAFETY: inside a call from JavaScript; `number` is live. Here and below.
        unsafe { napi_get_value_double(self.env, value, &raw mut number) };
        if number.fract() == 0.0 && (f64::from(least)..=f64::from(most)).contains(&number) {
            // The range has been checked.
            return Ok(number as u32);
        }
        let text = self.mismatch(&name.to_string_lossy(), &wanted, value);
        Err(OptionError::Range(text))
    }

    /// A boolean.
    ///
    /// # Errors
    /// [`OptionError`].
    pub fn boolean(&self, name: &'static CStr, default: bool) -> Result<bool, OptionError> {
        let Some(value) = self.get(name, BOOLEAN, "true or false")? else {
            return Ok(default);
        };
        let mut flag = false;
        // SAFETY: as above.
        unsafe { napi_get_value_bool(self.env, value, &raw mut flag) };
        Ok(flag)
    }

    /// A string.
    ///
    /// # Errors
    /// [`OptionError`].
    pub fn text(&self, name: &'static CStr) -> Result<Option<String>, OptionError> {
        let value = self.get(name, STRING, "a string")?;
        Ok(value.map(|value| self.string(value)))
    }

    /// One of a few words.
    ///
    /// # Errors
    /// [`OptionError`].
    pub fn word(
        &self,
        name: &'static CStr,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, OptionError> {
        let wanted = quoted(words, " or ");
        let Some(value) = self.get(name, STRING, &wanted)? else {
            return Ok(None);
        };
        let given = self.string(value);
        let found = words.iter().find(|word| **word == given).copied();
        let mismatch = || self.mismatch(&name.to_string_lossy(), &wanted, value);
        found
            .map(Some)
            .ok_or_else(|| OptionError::Range(mismatch()))
    }

    /// An array of strings.
    ///
    /// # Errors
    /// [`OptionError`].
    pub fn texts(&self, name: &'static CStr) -> Result<Option<Vec<String>>, OptionError> {
        const WANTED: &str = "an array of strings";
        let Some(array) = self.get(name, OBJECT, WANTED)? else {
            return Ok(None);
        };
        let name = name.to_string_lossy();
        if !self.is_array(array) {
            return Err(self.wrong_type(&name, WANTED, array));
        }
        let items = self.items(array).into_iter().enumerate();
        let texts = items.map(|(index, item)| {
            if self.type_of(item) == STRING {
                Ok(self.string(item))
            } else {
                Err(self.wrong_type(&format!("{name}[{index}]"), "a string", item))
            }
        });
        texts.collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// Fails if there is an option that no method asked for.
    pub(super) fn check_unknown(&self) -> Result<(), OptionError> {
        if self.object.is_null() {
            return Ok(());
        }
        let mut names = ptr::null_mut();
        // SAFETY: as above.
        if unsafe { napi_get_property_names(self.env, self.object, &raw mut names) } != OK {
            return Ok(());
        }
        let known = self.known.borrow();
        let known: Vec<_> = known.iter().map(|name| name.to_string_lossy()).collect();
        for name in self.items(names) {
            let name = self.string(name);
            if !known.iter().any(|known| *known == name) {
                let known = match known.as_slice() {
                    [] => "there are none".to_owned(),
                    names => format!("known are {}", quoted(names, ", ")),
                };
                let text = format!("unknown option {}; {known}", shown(&name));
                return Err(OptionError::Unknown(text));
            }
        }
        Ok(())
    }

    fn get(
        &self,
        name: &'static CStr,
        kind: c_int,
        wanted: &str,
    ) -> Result<Option<Raw>, OptionError> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&name) {
            known.push(name);
        }
        drop(known);
        if self.object.is_null() {
            return Ok(None);
        }
        let mut value = ptr::null_mut();
        // SAFETY: as above. A getter that throws leaves a pending exception, which the call then ends with.
        let status = unsafe {
            napi_get_named_property(self.env, self.object, name.as_ptr(), &raw mut value)
        };
        let name = name.to_string_lossy();
        if status != OK {
            return Err(OptionError::Type(format!("{name} cannot be read")));
        }
        match self.type_of(value) {
            UNDEFINED => Ok(None),
            found if found == kind => Ok(Some(value)),
            _ => Err(self.wrong_type(&name, wanted, value)),
        }
    }

    fn wrong_type(&self, name: &str, wanted: &str, value: Raw) -> OptionError {
        OptionError::Type(self.mismatch(name, wanted, value))
    }

    /// What an option must be, and what it is. No code of an object runs for that.
    fn mismatch(&self, name: &str, wanted: &str, value: Raw) -> String {
        let found = match self.type_of(value) {
            STRING => shown(&self.string(value)),
            SYMBOL => "a symbol".to_owned(),
            FUNCTION => "a function".to_owned(),
            OBJECT if self.is_array(value) => "an array".to_owned(),
            OBJECT | EXTERNAL => "an object".to_owned(),
            _ => {
                let mut text = ptr::null_mut();
                // SAFETY: as above.
                unsafe { napi_coerce_to_string(self.env, value, &raw mut text) };
                self.string(text)
            }
        };
        format!("{name} must be {wanted}, not {found}")
    }

    fn type_of(&self, value: Raw) -> c_int {
        let mut kind = UNDEFINED;
        // SAFETY: as above.
        unsafe { napi_typeof(self.env, value, &raw mut kind) };
        kind
    }

    fn is_array(&self, value: Raw) -> bool {
        let mut is_array = false;
        // SAFETY: as above.
        unsafe { napi_is_array(self.env, value, &raw mut is_array) };
        is_array
    }

    fn items(&self, array: Raw) -> Vec<Raw> {
        let mut length = 0;
        // SAFETY: as above.
        unsafe { napi_get_array_length(self.env, array, &raw mut length) };
        let item = |index| {
            let mut item = ptr::null_mut();
            // SAFETY: as above.
            let status = unsafe { napi_get_element(self.env, array, index, &raw mut item) };
            (status == OK).then_some(item)
        };
        (0..length).filter_map(item).collect()
    }

    fn string(&self, value: Raw) -> String {
        let mut length = 0;
        // SAFETY: as above. Without a buffer, the function gives the length.
        unsafe {
            napi_get_value_string_utf8(self.env, value, ptr::null_mut(), 0, &raw mut length);
        }
        // One byte more, for the terminating NUL.
        let mut bytes = vec![0_u8; length + 1];
        // SAFETY: as above; the call gets the buffer's length.
        unsafe {
            let buffer = bytes.as_mut_ptr().cast();
            napi_get_value_string_utf8(self.env, value, buffer, bytes.len(), &raw mut length);
        }
        bytes.truncate(length);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A text as an error message shows it.
fn shown(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("'{}…'", &text[..end]),
        None => format!("'{text}'"),
    }
}

fn quoted<T: AsRef<str>>(words: &[T], between: &str) -> String {
    let quoted: Vec<_> = words
        .iter()
        .map(|word| format!("'{}'", word.as_ref()))
        .collect();
    quoted.join(between)
}

//! The options that JavaScript passed to a plug-in's function.

use std::cell::RefCell;
use std::ffi::{c_int, CStr};
use std::fmt;
use std::ops::RangeInclusive;
use std::ptr;

use super::symbols::{
    napi_get_array_length, napi_get_element, napi_get_named_property, napi_get_property_names,
    napi_get_value_bool, napi_get_value_double, napi_get_value_string_utf8, napi_is_array,
    napi_typeof, Raw, BOOLEAN, NUMBER, OBJECT, OK, STRING, UNDEFINED,
};

/// Why options are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionError {
    /// Wrong type, or an unknown option: a TypeError in JavaScript.
    Type(String),
    /// A number outside its range: a RangeError in JavaScript.
    Range(String),
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (OptionError::Type(text) | OptionError::Range(text)) = self;
        f.write_str(text)
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
                _ => {
                    let text = "options must be an object";
                    return Err(OptionError::Type(text.to_owned()));
                }
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
        let Some(value) = self.get(name, NUMBER, "a number")? else {
            return Ok(default);
        };
        let mut number = 0.0;
        // SAFETY: inside a call from JavaScript; `number` is live. Here and below.
        unsafe { napi_get_value_double(self.env, value, &raw mut number) };
        let (least, most) = (f64::from(*range.start()), f64::from(*range.end()));
        if number.fract() == 0.0 && (least..=most).contains(&number) {
            // The range has been checked.
            return Ok(number as u32);
        }
        let text = format!(
            "{name}: an integer from {least} to {most} is needed, and it is {number}",
            name = name.to_string_lossy()
        );
        Err(OptionError::Range(text))
    }

    /// A boolean.
    ///
    /// # Errors
    /// [`OptionError`].
    pub fn boolean(&self, name: &'static CStr, default: bool) -> Result<bool, OptionError> {
        let Some(value) = self.get(name, BOOLEAN, "a boolean")? else {
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

    /// An array of strings.
    ///
    /// # Errors
    /// [`OptionError`].
    pub fn texts(&self, name: &'static CStr) -> Result<Option<Vec<String>>, OptionError> {
        const WANTED: &str = "an array of strings";
        let Some(array) = self.get(name, OBJECT, WANTED)? else {
            return Ok(None);
        };
        if !self.is_array(array) {
            return Err(wrong_type(name, WANTED));
        }
        let items = self.items(array).into_iter().map(|item| {
            if self.type_of(item) == STRING {
                Ok(self.string(item))
            } else {
                Err(wrong_type(name, WANTED))
            }
        });
        items.collect::<Result<Vec<_>, _>>().map(Some)
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
                let there_are = match known.as_slice() {
                    [] => "there are no options".to_owned(),
                    names => format!("there are {}", names.join(", ")),
                };
                let text = format!("unknown option '{name}': {there_are}");
                return Err(OptionError::Type(text));
            }
        }
        Ok(())
    }

    fn get(
        &self,
        name: &'static CStr,
        wanted: c_int,
        word: &str,
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
        if status != OK {
            return Err(wrong_type(name, word));
        }
        match self.type_of(value) {
            UNDEFINED => Ok(None),
            kind if kind == wanted => Ok(Some(value)),
            _ => Err(wrong_type(name, word)),
        }
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
        // SAFETY: as above; the buffer has as many bytes as the call is told.
        unsafe {
            let buffer = bytes.as_mut_ptr().cast();
            napi_get_value_string_utf8(self.env, value, buffer, bytes.len(), &raw mut length);
        }
        bytes.truncate(length);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn wrong_type(name: &CStr, wanted: &str) -> OptionError {
    OptionError::Type(format!("{}: {wanted} is needed", name.to_string_lossy()))
}

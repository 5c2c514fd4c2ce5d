//! A rule file as it was written. What it means is decided in [`super::compile`].

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::error::{RuleError, SourceLine};

/// Bytes that one rule file may have.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// The whole file.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    pub(super) rules: Vec<Spanned<RawRule>>,
}

/// One rule. What must be there is asked for by [`super::compile`], which knows the line on which the rule begins.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    pub(super) id: Option<Spanned<String>>,
    pub(super) owner: Option<Spanned<String>>,
    pub(super) reason: Option<Spanned<String>>,
    pub(super) expires: Option<Spanned<String>>,
    pub(super) at: Option<Spanned<RawAt>>,
    pub(super) ignore: Option<Spanned<TrueOr<RawIgnore>>>,
    #[serde(rename = "match")]
    pub(super) matching: Option<Spanned<RawMatch>>,
    pub(super) accept: Option<Spanned<TrueOr<RawAccept>>>,
}

/// Where it applies.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAt {
    pub(super) endpoint: Option<Spanned<String>>,
    pub(super) json: Option<Spanned<OneOrMany<String>>>,
    pub(super) header: Option<Spanned<OneOrMany<String>>>,
    pub(super) cookie: Option<Spanned<OneOrMany<String>>>,
    pub(super) status: Option<Spanned<TrueOrList>>,
    pub(super) text: Option<Spanned<String>>,
    pub(super) body: Option<Spanned<bool>>,
}

/// What an ignored place need not keep.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawIgnore {
    #[serde(rename = "type")]
    pub(super) kind: Option<Spanned<String>>,
    pub(super) presence: Option<Spanned<String>>,
}

/// Normalisers and comparisons.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMatch {
    #[serde(rename = "type")]
    pub(super) kind: Option<Spanned<String>>,
    pub(super) shape: Option<Spanned<OneOrMany<String>>>,
    pub(super) tolerance: Option<Spanned<String>>,
    pub(super) skew: Option<Spanned<String>>,
    pub(super) order: Option<Spanned<String>>,
    pub(super) keyed: Option<Spanned<String>>,
    pub(super) case: Option<Spanned<String>>,
    pub(super) whitespace: Option<Spanned<String>>,
    pub(super) regex: Option<Spanned<String>>,
    pub(super) null_is_absent: Option<Spanned<bool>>,
    pub(super) lexeme: Option<Spanned<bool>>,
}

/// Bounds of what is accepted.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAccept {
    pub(super) max_rate: Option<Spanned<String>>,
    pub(super) kind: Option<Spanned<OneOrMany<String>>>,
}

/// `true`, or a mapping with more to say.
#[derive(Debug)]
pub(super) enum TrueOr<T> {
    True,
    Said(T),
}

/// `true`, one number, or a list of them.
#[derive(Debug)]
pub(super) enum TrueOrList {
    True,
    Numbers(Vec<u64>),
}

/// One, or a list.
#[derive(Debug)]
pub(super) struct OneOrMany<T>(pub(super) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TrueOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = TrueOr<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, or a mapping such as {key: value}")
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<TrueOr<T>, E> {
                match value {
                    true => Ok(TrueOr::True),
                    false => Err(E::custom("'false' answers nothing: take the rule out")),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TrueOr<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(TrueOr::Said)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl<'de> Deserialize<'de> for TrueOrList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = TrueOrList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, the legacy's status code, or [the legacy's, the candidate's]")
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<TrueOrList, E> {
                match value {
                    true => Ok(TrueOrList::True),
                    false => Err(E::custom("'false' means no status: write true or a status code")),
                }
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<TrueOrList, E> {
                Ok(TrueOrList::Numbers(vec![value]))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<TrueOrList, E> {
                u64::try_from(value)
                    .map(|n| TrueOrList::Numbers(vec![n]))
                    .map_err(|_| E::custom("no status is negative"))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<TrueOrList, A::Error> {
                let mut numbers = Vec::new();
                while let Some(number) = list.next_element()? {
                    numbers.push(number);
                }
                Ok(TrueOrList::Numbers(numbers))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl<'de, T: Deserialize<'de> + From<String>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + From<String>> Visitor<'de> for Either<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<OneOrMany<T>, E> {
                Ok(OneOrMany(vec![T::from(text.to_owned())]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMany<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = list.next_element()? {
                    all.push(one);
                }
                Ok(OneOrMany(all))
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

/// Reads one file's text.
pub(super) fn read(file: &str, text: &str) -> Result<RawFile, RuleError> {
    if text.len() > MAX_FILE_BYTES {
        let what = format!("a rule file may have {MAX_FILE_BYTES} bytes, and this one has more");
        return Err(RuleError::TooMuch { file: file.to_owned(), what });
    }
    // A rule is flat; what needs more than this is not a rule file but an attack on its reader.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 200_000,
            max_nodes: 100_000,
            max_aliases: 100,
            max_anchors: 100,
            max_recorded_anchor_events: 100_000,
            max_recorded_anchor_bytes: 4 << 20,
            max_depth: 16,
            max_documents: 1,
            max_merge_keys: 100,
            max_total_scalar_bytes: 4 << 20,
        },
        with_snippet: false,
        strict_booleans: true,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| refused(file, &error))
}

/// The parser's error as one of ours.
fn refused(file: &str, error: &serde_saphyr::Error) -> RuleError {
    let line = error.location().map_or(0, |location| location.line());
    let at = SourceLine { file: file.to_owned(), line };
    match error.without_snippet() {
        serde_saphyr::Error::SerdeUnknownField { field, expected, .. } => {
            let expected = expected.join(", ");
            RuleError::UnknownKey { at, key: field.clone(), expected }
        }
        serde_saphyr::Error::SerdeMissingField { field, .. } => {
            RuleError::Yaml { at, message: format!("a rule file is a mapping with the key '{field}:'") }
        }
        serde_saphyr::Error::DuplicateMappingKey { key, .. } => {
            let message = format!("the key '{}' stands here twice", key.as_deref().unwrap_or("?"));
            RuleError::Yaml { at, message }
        }
        serde_saphyr::Error::Budget { breach, .. } => {
            RuleError::Yaml { at, message: crate::config::too_much(breach).to_owned() }
        }
        other => {
            let message = other.render();
            let mut lines = message.lines();
            let first = lines.next().unwrap_or("not YAML");
            // The parser ends its messages with the place, which stands before ours already.
            let first = first.rfind(" at line ").map_or(first, |end| &first[..end]);
            RuleError::Yaml { at, message: first.trim_end_matches([' ', ',', ':']).to_owned() }
        }
    }
}

//! How paths become endpoints, as it is written: `learned`, `templates:`, or `openapi:`.

use std::fmt;
use std::path::Path;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use super::{Checked, MAX_TEMPLATES, Problem, Text, many, one};
use crate::config::openapi::Named;
use crate::config::{Endpoints, OpenApi};
use crate::exchange::EndpointPattern;

/// What may stand there.
const FORMS: &[&str] = &["learned", "templates", "openapi"];

#[derive(Debug, Default)]
pub(super) enum WrittenEndpoints {
    #[default]
    Learned,
    Given(WrittenGiven),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenGiven {
    templates: Option<Vec<Text>>,
    openapi: Option<Text>,
    base: Option<Text>,
}

impl WrittenEndpoints {
    /// What it means; a document is only named, and still to be read.
    pub(super) fn meaning(written: Spanned<Self>, folder: &Path) -> Checked<(Endpoints, Option<Named>)> {
        let line = written.referenced.line();
        let wrong = |message: &str| Problem { line, message: message.to_owned() };
        let WrittenEndpoints::Given(WrittenGiven { templates, openapi, base }) = written.value else {
            return Ok((Endpoints::Learned, None));
        };
        match (templates, openapi) {
            (Some(_), Some(_)) => Err(wrong("endpoints: keep one of 'templates' and 'openapi'")),
            (None, None) => {
                Err(wrong("endpoints: write 'learned', 'templates: [GET /orders/{id}]' or 'openapi: FILE'"))
            }
            (Some(_), None) if base.is_some() => {
                Err(wrong("endpoints.base: templates are whole paths; leave it out, or name an 'openapi' document"))
            }
            (Some(templates), None) => {
                let read = str::parse::<EndpointPattern>;
                let templates = many("endpoints.templates", templates, MAX_TEMPLATES, read)?;
                Ok((Endpoints::Templates(templates), None))
            }
            (None, Some(file)) => {
                let path = one("endpoints.openapi", &file, |file| {
                    if file.is_empty() { Err("the file has no name") } else { Ok(folder.join(file)) }
                })?;
                let base = base.map(|base| one("endpoints.base", &base, base_path)).transpose()?;
                let line = file.referenced.line();
                let document = OpenApi { file: file.value.clone(), operations: Vec::new() };
                Ok((Endpoints::OpenApi(document), Some(Named { file: file.value, path, line, base })))
            }
        }
    }
}

/// `/v1` as it stands, `/` as nothing.
fn base_path(text: &str) -> Result<String, String> {
    let path = text.trim_end_matches('/');
    let plain = |b: u8| b.is_ascii_graphic() && !b"\"<>\\^`{|}*?#".contains(&b);
    match text.starts_with('/') && path.bytes().all(plain) {
        true => Ok(path.to_owned()),
        false => Err(format!("'{text}' is no path; write it as '/v1', or '/' for none")),
    }
}

impl<'de> Deserialize<'de> for WrittenEndpoints {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FormVisitor)
    }
}

struct FormVisitor;

impl<'de> Visitor<'de> for FormVisitor {
    type Value = WrittenEndpoints;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("'learned', or 'templates:' or 'openapi:' with what is given")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text == "learned" { Ok(WrittenEndpoints::Learned) } else { Err(E::unknown_variant(text, FORMS)) }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        WrittenGiven::deserialize(MapAccessDeserializer::new(map)).map(WrittenEndpoints::Given)
    }
}

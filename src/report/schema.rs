//! The published schema of the JSON report, made from the types that are written.
//!
//! No object may have a key that is not described, so a field that is added without its schema fails the tests that
//! validate reports.

use std::sync::LazyLock;

use regex::Regex;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::{Value, json};

use super::SCHEMA_VERSION;
use super::json::Document;

/// The JSON Schema (draft 2020-12) of the object that [`super::Report::json`] gives.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Document<'static>>();
    RecursiveTransform(closed).transform(&mut schema);
    RecursiveTransform(told).transform(&mut schema);
    schema.insert("$id".to_owned(), json!(format!("urn:tapcompare:report:{SCHEMA_VERSION}")));
    schema.insert("title".to_owned(), json!("The JSON report of tapcompare"));
    schema.to_value()
}

/// An object whose keys are known has no others.
fn closed(schema: &mut Schema) {
    if schema.get("properties").is_some() && schema.get("additionalProperties").is_none() {
        schema.insert("additionalProperties".to_owned(), json!(false));
    }
}

/// A link of the documentation: `[`crate::exchange::Outcome`]`.
static LINK: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\[`(?:[a-z_]+::)*([^`]+)`\]").ok());

/// Descriptions are the documentation of the code; its links lead nowhere here.
fn told(schema: &mut Schema) {
    let Some(Value::String(description)) = schema.get("description") else { return };
    if let Some(link) = &*LINK {
        let told = link.replace_all(description, "`$1`").into_owned();
        schema.insert("description".to_owned(), Value::String(told));
    }
}

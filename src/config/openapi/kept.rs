//! What a run file keeps of an OpenAPI document: a line a document behind the policy's text.

use serde::{Deserialize, Serialize};

use super::{OpenApi, Operation};
use crate::config::written::{Checked, MAX_TEMPLATES, Problem};

/// Stands between a policy and what its OpenAPI document said. At the beginning of a line `---` ends whatever YAML stood
/// before, so a policy, which is one document, cannot have such a line in it.
const SEAM: &str = "\n--- # what the OpenAPI document said when the run began\n";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    openapi: String,
    operations: Vec<KeptOperation>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptOperation {
    endpoint: String,
    statuses: Vec<String>,
}

/// The policy's text with the document behind it.
pub(in crate::config) fn behind(text: &str, document: &OpenApi) -> String {
    let operation = |operation: &Operation| KeptOperation {
        endpoint: operation.endpoint.to_string(),
        statuses: operation.statuses.iter().map(ToString::to_string).collect(),
    };
    let kept = Kept { openapi: document.file.clone(), operations: document.operations.iter().map(operation).collect() };
    // Texts and lists of texts can always be written as JSON.
    let kept = serde_json::to_string(&kept).unwrap_or_default();
    format!("{text}{SEAM}{kept}\n")
}

/// The policy's text and the document behind it, where there is one.
pub(in crate::config) fn take(text: &str) -> (&str, Option<Checked<OpenApi>>) {
    let Some((policy, kept)) = text.rsplit_once(SEAM) else { return (text, None) };
    let line = policy.lines().count() as u64 + 2;
    let wrong = |why| Problem { line, message: format!("what was kept of the OpenAPI document: {why}") };
    (policy, Some(read(kept).map_err(wrong)))
}

fn read(kept: &str) -> Result<OpenApi, String> {
    let kept: Kept = serde_json::from_str(kept).map_err(|error| error.to_string())?;
    if kept.operations.len() > MAX_TEMPLATES {
        return Err(format!("it has more than {MAX_TEMPLATES} operations"));
    }
    let operation = |kept: KeptOperation| -> Result<Operation, String> {
        let statuses = kept.statuses.iter().map(|status| status.parse()).collect::<Result<_, String>>()?;
        Ok(Operation { endpoint: kept.endpoint.parse().map_err(|error| format!("{error}"))?, statuses })
    };
    Ok(OpenApi {
        file: kept.openapi,
        operations: kept.operations.into_iter().map(operation).collect::<Result<_, String>>()?,
    })
}

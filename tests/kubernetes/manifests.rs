//! Manifests read strictly: by Kubernetes' own types, and with nothing in them that those do not take as it is written.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{ConfigMap, Container, Namespace, PodSpec, Secret, Service, ServiceAccount};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kubernetes").join(path)
}

pub(crate) fn yaml(text: &str, name: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The documents of a file.
pub(crate) fn documents(file: &Path) -> Vec<Value> {
    let (name, text) = (file.display().to_string(), fs::read_to_string(file).unwrap());
    text.split("\n---\n").map(|document| yaml(document, &name)).collect()
}

/// What is in `written` and did not come back: a key that the type does not know, or a value that it takes otherwise.
fn lost(written: &Value, back: &Value, at: &str, into: &mut Vec<String>) {
    match (written, back) {
        (Value::Object(written), Value::Object(back)) => {
            for (key, value) in written {
                lost(value, back.get(key).unwrap_or(&Value::Null), &format!("{at}.{key}"), into);
            }
        }
        (Value::Array(written), Value::Array(back)) if written.len() == back.len() => {
            written.iter().zip(back).enumerate().for_each(|(n, (w, b))| lost(w, b, &format!("{at}[{n}]"), into));
        }
        _ if written == back => {}
        _ => into.push(format!("{at}: {written} became {back}")),
    }
}

/// Reads a manifest as the type, and refuses whatever the type does not take as it is written.
pub(crate) fn strictly<T: DeserializeOwned + Serialize>(manifest: &Value) -> Result<T, String> {
    let typed: T = serde_json::from_value(manifest.clone()).map_err(|error| error.to_string())?;
    let mut gone = Vec::new();
    lost(manifest, &serde_json::to_value(&typed).unwrap(), "", &mut gone);
    if gone.is_empty() { Ok(typed) } else { Err(gone.join("; ")) }
}

/// Checks a manifest by its kind; the pod that it makes, where it makes one.
pub(crate) fn checked(manifest: &Value) -> Result<Option<PodSpec>, String> {
    let kind = format!("{} {}", manifest["apiVersion"].as_str().unwrap_or(""), manifest["kind"].as_str().unwrap_or(""));
    Ok(match kind.as_str() {
        "v1 Namespace" => strictly::<Namespace>(manifest).map(|_| None)?,
        "v1 Service" => strictly::<Service>(manifest).map(|_| None)?,
        "v1 ServiceAccount" => strictly::<ServiceAccount>(manifest).map(|_| None)?,
        "v1 ConfigMap" => strictly::<ConfigMap>(manifest).map(|_| None)?,
        "v1 Secret" => strictly::<Secret>(manifest).map(|_| None)?,
        "apps/v1 DaemonSet" => strictly::<DaemonSet>(manifest)?.spec.and_then(|spec| spec.template.spec),
        "apps/v1 Deployment" => strictly::<Deployment>(manifest)?.spec.and_then(|spec| spec.template.spec),
        "kustomize.config.k8s.io/v1beta1 Kustomization" => strictly::<Kustomization>(manifest).map(|_| None)?,
        "argoproj.io/v1alpha1 AnalysisTemplate" => strictly::<AnalysisTemplate>(manifest).map(|_| None)?,
        other => return Err(format!("'{other}' is not expected here")),
    })
}

/// What we use of a kustomization, and nothing else.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Kustomization {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) namespace: Option<String>,
    pub(crate) resources: Vec<String>,
    #[serde(default)]
    pub(crate) config_map_generator: Vec<Generator>,
    #[serde(default)]
    pub(crate) patches: Vec<Patch>,
    #[serde(default)]
    pub(crate) images: Vec<BTreeMap<String, String>>,
    #[serde(default)]
    pub(crate) labels: Vec<BTreeMap<String, BTreeMap<String, String>>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Generator {
    pub(crate) name: String,
    pub(crate) files: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Patch {
    pub(crate) path: String,
    pub(crate) target: BTreeMap<String, String>,
}

/// What we use of Argo Rollouts' web metric (its "Web Metrics" and "Analysis" pages), and nothing else.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct AnalysisTemplate {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) spec: Analysis,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Analysis {
    pub(crate) args: Vec<Value>,
    pub(crate) metrics: Vec<Metric>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Metric {
    pub(crate) name: String,
    pub(crate) interval: String,
    pub(crate) count: u32,
    pub(crate) success_condition: String,
    pub(crate) failure_condition: String,
    pub(crate) consecutive_success_limit: u32,
    pub(crate) failure_limit: u32,
    pub(crate) inconclusive_limit: u32,
    pub(crate) provider: BTreeMap<String, Web>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Web {
    pub(crate) url: String,
    pub(crate) headers: Vec<BTreeMap<String, String>>,
    pub(crate) json_path: String,
}

pub(crate) fn manifests() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![deploy("")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let policy = ["tapcompare.yaml", "orders-rules.yaml"].iter().any(|name| entry.ends_with(name));
            match entry.extension() {
                _ if entry.is_dir() => folders.push(entry),
                Some(extension) if extension == "yaml" && !policy => found.push(entry),
                _ => {}
            }
        }
    }
    assert!(found.len() >= 9, "{found:?}");
    found
}

/// How tapcompare gets to see the traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// It listens to an interface, beside the traffic.
    Watch,
    /// The traffic goes through it.
    Tee,
}

/// A container of tapcompare, with its pod.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    /// The file that it is written in.
    pub(crate) file: String,
    pub(crate) by: By,
    pub(crate) pod: PodSpec,
    pub(crate) container: Container,
}

impl Placed {
    /// Every one of the overlays.
    pub(crate) fn all() -> Vec<Placed> {
        let mut found = Vec::new();
        for file in manifests() {
            let file_name = file.display().to_string();
            for manifest in documents(&file) {
                let pod = checked(&manifest).unwrap_or_else(|error| panic!("{file_name}: {error}"));
                found.extend(pod.and_then(|pod| Placed::of(&file_name, pod)));
            }
        }
        found
    }

    pub(crate) fn the_tee() -> Placed {
        Placed::all().into_iter().find(|placed| placed.by == By::Tee).unwrap()
    }

    /// That of a pod, if it has one.
    pub(crate) fn of(file: &str, pod: PodSpec) -> Option<Placed> {
        let mut containers = pod.containers.iter().chain(pod.init_containers.iter().flatten());
        let container = containers.find(|container| container.name == "tapcompare")?.clone();
        let by = match container.args.as_ref().unwrap()[0].as_str() {
            "watch" => By::Watch,
            "tee" => By::Tee,
            other => panic!("{file}: '{other}' is not expected here"),
        };
        Some(Placed { file: file.to_owned(), by, pod, container })
    }

    /// On the host's network, for what is mirrored to it.
    pub(crate) fn is_daemonset(&self) -> bool {
        self.file.contains("daemonset")
    }

    /// What a flag is set to.
    pub(crate) fn flag(&self, name: &str) -> Option<&str> {
        let mut args = self.container.args.iter().flatten();
        args.find_map(|arg| arg.strip_prefix(name)?.strip_prefix('='))
    }
}

/// The number of the port that a pod gives this name; which must be one.
pub(crate) fn port_named(pod: &PodSpec, name: &str) -> i32 {
    let containers = pod.containers.iter().chain(pod.init_containers.iter().flatten());
    let ports = containers.flat_map(|container| container.ports.iter().flatten());
    let found: Vec<i32> =
        ports.filter(|port| port.name.as_deref() == Some(name)).map(|port| port.container_port).collect();
    let [port] = found[..] else { panic!("{name}: {found:?}") };
    port
}

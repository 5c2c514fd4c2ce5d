//! The manifests under deploy/kubernetes: strictly what Kubernetes' own types say, with the rights that they promise, and
//! with a policy, rules and flags that this program reads.

// Helpers of a test may fail as the test itself may; clippy knows that only of functions marked as tests.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{ConfigMap, Container, Namespace, PodSpec, Secret, Service, ServiceAccount};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tapcompare::rules::RuleSet;
use tapcompare::verdict::Decision;

const OVERLAYS: [&str; 2] = ["daemonset", "sidecar"];

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kubernetes").join(path)
}

fn yaml(text: &str, name: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The documents of a file.
fn documents(file: &Path) -> Vec<Value> {
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
fn strictly<T: DeserializeOwned + Serialize>(manifest: &Value) -> Result<T, String> {
    let typed: T = serde_json::from_value(manifest.clone()).map_err(|error| error.to_string())?;
    let mut gone = Vec::new();
    lost(manifest, &serde_json::to_value(&typed).unwrap(), "", &mut gone);
    if gone.is_empty() { Ok(typed) } else { Err(gone.join("; ")) }
}

/// Checks a manifest by its kind; the pod that it makes, where it makes one.
fn checked(manifest: &Value) -> Result<Option<PodSpec>, String> {
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
struct Kustomization {
    api_version: String,
    kind: String,
    namespace: Option<String>,
    resources: Vec<String>,
    #[serde(default)]
    config_map_generator: Vec<Generator>,
    #[serde(default)]
    patches: Vec<Patch>,
    #[serde(default)]
    images: Vec<BTreeMap<String, String>>,
    #[serde(default)]
    labels: Vec<BTreeMap<String, BTreeMap<String, String>>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Generator {
    name: String,
    files: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    path: String,
    target: BTreeMap<String, String>,
}

/// What we use of Argo Rollouts' web metric (its "Web Metrics" and "Analysis" pages), and nothing else.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AnalysisTemplate {
    api_version: String,
    kind: String,
    metadata: BTreeMap<String, String>,
    spec: Analysis,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Analysis {
    args: Vec<Value>,
    metrics: Vec<Metric>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Metric {
    name: String,
    interval: String,
    count: u32,
    success_condition: String,
    failure_condition: String,
    consecutive_success_limit: u32,
    failure_limit: u32,
    inconclusive_limit: u32,
    provider: BTreeMap<String, Web>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Web {
    url: String,
    headers: Vec<BTreeMap<String, String>>,
    json_path: String,
}

fn manifests() -> Vec<PathBuf> {
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

/// The container that listens, with its pod.
fn listeners() -> Vec<(String, PodSpec, Container)> {
    let mut found = Vec::new();
    for file in manifests() {
        for manifest in documents(&file) {
            let pod = checked(&manifest).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let Some(pod) = pod else { continue };
            if let Some(container) = pod.containers.iter().find(|container| container.name == "tapcompare") {
                found.push((file.display().to_string(), pod.clone(), container.clone()));
            }
        }
    }
    found
}

#[test]
fn every_manifest_is_strictly_what_it_says() {
    assert_eq!(listeners().len(), 2, "the DaemonSet's and the sidecar's");
    // The check itself: a key that is not known, one at the wrong place, a number for a text.
    let daemonset = documents(&deploy("overlays/daemonset/daemonset.yaml")).remove(0);
    assert!(checked(&daemonset).is_ok());
    for (pointer, key, value) in [
        ("/spec/template/spec", "hostNetworks", Value::from(true)),
        ("/spec/template/spec/containers/0", "hostNetwork", Value::from(true)),
        ("/spec/template/spec/containers/0/resources/limits", "cpu", Value::from(1)),
        ("/spec/template/spec/containers/0/securityContext", "readOnlyRootFilesystem", Value::from("true")),
    ] {
        let mut wrong = daemonset.clone();
        wrong.pointer_mut(pointer).unwrap()[key] = value;
        assert!(checked(&wrong).is_err(), "{pointer} {key}");
    }
}

#[test]
fn what_a_kustomization_names_is_there_and_fits() {
    for file in manifests().into_iter().filter(|file| file.ends_with("kustomization.yaml")) {
        let folder = file.parent().unwrap();
        let it: Kustomization = strictly(&documents(&file)[0]).unwrap();
        let named = it.resources.iter().chain(it.config_map_generator.iter().flat_map(|g| &g.files));
        for path in named.chain(it.patches.iter().map(|patch| &patch.path)) {
            let there = folder.join(path);
            assert!(there.is_file() || there.join("kustomization.yaml").is_file(), "{}: {path}", file.display());
        }
    }
    // The patch finds its target, and the volumes lead to the ConfigMap that is generated.
    let it: Kustomization = strictly(&documents(&deploy("overlays/sidecar/kustomization.yaml"))[0]).unwrap();
    let (key, value) = it.patches[0].target["labelSelector"].split_once('=').unwrap();
    let deployment = &documents(&deploy("overlays/sidecar/deployment.yaml"))[0];
    assert_eq!(deployment["metadata"]["labels"][key], value);
    let base: Kustomization = strictly(&documents(&deploy("base/kustomization.yaml"))[0]).unwrap();
    for (file, pod, container) in listeners() {
        let volumes = pod.volumes.unwrap();
        let mounted: Vec<&str> = container.volume_mounts.iter().flatten().map(|mount| mount.name.as_str()).collect();
        assert_eq!(mounted, volumes.iter().map(|volume| volume.name.as_str()).collect::<Vec<_>>(), "{file}");
        let map = volumes.iter().find_map(|volume| volume.config_map.as_ref()).unwrap();
        assert_eq!(map.name, base.config_map_generator[0].name, "{file}");
    }
}

#[test]
fn the_rights_are_net_raw_alone() {
    for (file, pod, container) in listeners() {
        let security = container.security_context.unwrap();
        let capabilities = security.capabilities.unwrap();
        assert_eq!(capabilities.drop.unwrap(), ["ALL"], "{file}");
        assert_eq!(capabilities.add.unwrap(), ["NET_RAW"], "{file}");
        assert_eq!(security.read_only_root_filesystem, Some(true), "{file}");
        assert_eq!(security.allow_privilege_escalation, Some(false), "{file}");
        assert_eq!(security.privileged, None, "{file}");
        assert_eq!(security.seccomp_profile.unwrap().type_, "RuntimeDefault", "{file}");
        assert_eq!(pod.host_network, file.contains("daemonset").then_some(true), "{file}");
        assert_eq!((pod.host_pid, pod.host_ipc), (None, None), "{file}");
        let resources = container.resources.unwrap();
        for kind in [resources.requests.unwrap(), resources.limits.unwrap()] {
            assert!(["cpu", "memory", "ephemeral-storage"].iter().all(|name| kind.contains_key(*name)), "{file}");
        }
        // What is written goes to volumes, and each has a bound.
        for volume in pod.volumes.unwrap() {
            assert!(volume.host_path.is_none(), "{file}");
            assert!(volume.empty_dir.is_none_or(|folder| folder.size_limit.is_some()), "{file}: {}", volume.name);
        }
    }
}

#[test]
fn the_probes_ask_what_is_served() {
    for (file, _, container) in listeners() {
        let port = &container.ports.as_ref().unwrap()[0];
        assert_eq!((port.name.as_deref(), port.container_port), (Some("http"), 7070), "{file}");
        let args = container.args.as_ref().unwrap();
        assert!(args.iter().any(|arg| arg == "--serve=0.0.0.0:7070"), "{file}: {args:?}");
        let path = |probe: &Option<k8s_openapi::api::core::v1::Probe>| {
            probe.as_ref().map(|probe| probe.http_get.as_ref().unwrap().path.clone().unwrap())
        };
        assert_eq!(path(&container.liveness_probe).as_deref(), Some("/healthz"), "{file}");
        assert_eq!(path(&container.startup_probe).as_deref(), Some("/healthz"), "{file}");
        // A sidecar that is not ready must not take the service out of its users' reach.
        let ready = path(&container.readiness_probe);
        assert_eq!(ready.as_deref(), file.contains("daemonset").then_some("/readyz"), "{file}");
        // Others than this machine can reach it, so it needs a token, from a Secret.
        let env = &container.env.as_ref().unwrap()[0];
        let from = env.value_from.as_ref().unwrap().secret_key_ref.as_ref().unwrap();
        assert_eq!((env.name.as_str(), from.name.as_str()), ("TAPCOMPARE_SERVE_TOKEN", "tapcompare"), "{file}");
    }
}

#[test]
fn the_policy_and_the_rules_are_read_by_our_own_readers() {
    let policy = tapcompare::config::read(&deploy("base/tapcompare.yaml")).unwrap();
    assert_eq!(policy.capability.as_deref(), Some("order-service"));
    assert_eq!(policy.targets.candidate.unwrap().host, "orders-candidate.shop.svc");
    // In the pod, as here, the rule file lies beside the policy.
    assert!(policy.rules.contains(&deploy("base/orders-rules.yaml")), "{:?}", policy.rules);
    let text = fs::read_to_string(deploy("base/orders-rules.yaml")).unwrap();
    let rules = RuleSet::parse("orders-rules.yaml", &text, jiff::civil::date(2026, 11, 25)).unwrap();
    assert_eq!(rules.notes().len(), 1);
    let base: Kustomization = strictly(&documents(&deploy("base/kustomization.yaml"))[0]).unwrap();
    assert_eq!(base.config_map_generator[0].files, ["tapcompare.yaml", "orders-rules.yaml"]);
    // Memory: the ring, the bodies under way, and what the candidate may answer, with as much again for the rest.
    let limits = &policy.safety.limits;
    let needed = (64 << 20) + (32 << 20) + limits.in_flight as u64 * limits.body as u64;
    for (file, _, container) in listeners() {
        let limit = container.resources.unwrap().limits.unwrap()["memory"].0.clone();
        let limit: u64 = limit.strip_suffix("Mi").unwrap().parse::<u64>().unwrap() << 20;
        assert!(limit >= 2 * needed, "{file}: {limit} for {needed}");
    }
}

#[test]
fn the_program_knows_the_flags_of_the_manifests() {
    let known = Command::new(env!("CARGO_BIN_EXE_tapcompare")).args(["watch", "--help"]).output().unwrap();
    let serves = String::from_utf8_lossy(&known.stdout).contains("--serve ");
    for (file, _, container) in listeners() {
        let args = container.args.unwrap();
        assert_eq!(args[0], "watch");
        let flags = args[1..].iter().filter(|arg| serves || !arg.starts_with("--serve"));
        // -D lists the interfaces and does nothing else, once the command line was understood.
        let output = Command::new(env!("CARGO_BIN_EXE_tapcompare")).args(["watch", "-D"]).args(flags).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{file}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_analysis_goes_on_with_go_back_with_no_go_and_waits_otherwise() {
    let manifest = &documents(&deploy("../argo-rollouts/analysis-template.yaml"))[0];
    let AnalysisTemplate { spec, .. } = strictly(manifest).unwrap();
    let metric = &spec.metrics[0];
    let is = |decision: Decision| format!("result == \"{decision}\"");
    assert_eq!(metric.success_condition, is(Decision::Go));
    assert_eq!(metric.failure_condition, is(Decision::NoGo));
    assert_eq!((metric.failure_limit, metric.inconclusive_limit), (0, metric.count));
    let web = &metric.provider["web"];
    assert_eq!(web.json_path, "{$.verdict}");
    assert!(web.url.ends_with("/api/v1/verdict"));
    let args: Vec<&str> = spec.args.iter().map(|arg| arg["name"].as_str().unwrap()).collect();
    let used = format!("{} {:?}", web.url, web.headers);
    assert!(args.iter().all(|arg| used.contains(&format!("{{{{args.{arg}}}}}"))), "{used}");
}

/// By kustomize itself, where there is one.
#[test]
fn kustomize_renders_the_overlays() {
    let render = |overlay: &str| {
        let path = deploy(&format!("overlays/{overlay}"));
        let by = |program: &str, verb: &str| Command::new(program).arg(verb).arg(&path).output().ok();
        by("kubectl", "kustomize").or_else(|| by("kustomize", "build"))
    };
    for overlay in OVERLAYS {
        let Some(output) = render(overlay) else {
            eprintln!("skipped: kustomize_renders_the_overlays: neither kubectl nor kustomize is here");
            return;
        };
        assert!(output.status.success(), "{overlay}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let rendered: Vec<Value> = text.split("\n---\n").map(|document| yaml(document, overlay)).collect();
        let pods: Vec<PodSpec> = rendered.iter().filter_map(|manifest| checked(manifest).unwrap()).collect();
        let [pod] = &pods[..] else { panic!("{overlay}: {text}") };
        assert_eq!(pod.containers.len(), if overlay == "sidecar" { 2 } else { 1 }, "{overlay}");
        assert_eq!(pod.containers.iter().filter(|c| c.image.as_deref() == Some("tapcompare:0.1.0")).count(), 1);
        // The name of the ConfigMap has the digest of its content, and the pod mounts that one.
        let map = rendered.iter().find(|manifest| manifest["kind"] == "ConfigMap").unwrap();
        let mounted = pod.volumes.iter().flatten().find_map(|volume| volume.config_map.as_ref()).unwrap();
        assert_eq!(map["metadata"]["name"], mounted.name.as_str());
        assert_ne!(mounted.name, "tapcompare-policy");
        let policy = fs::read_to_string(deploy("base/tapcompare.yaml")).unwrap();
        assert_eq!(map["data"]["tapcompare.yaml"], policy.as_str());
    }
}

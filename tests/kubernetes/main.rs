//! The manifests under deploy/kubernetes: strictly what Kubernetes' own types say, with the rights that they promise, and
//! with a policy, rules and flags that this program reads.

// Helpers of a test may fail as the test itself may; clippy knows that only of functions marked as tests.
#![allow(clippy::unwrap_used, clippy::panic)]

mod manifests;
mod through;

use std::fs;
use std::path::Path;
use std::process::Command;

use k8s_openapi::api::core::v1::{PodSpec, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;
use tapcompare::rules::RuleSet;
use tapcompare::verdict::Decision;

use self::manifests::{
    AnalysisTemplate, By, Kustomization, Placed, checked, deploy, documents, manifests, port_named, strictly, yaml,
};

const OVERLAYS: [&str; 3] = ["daemonset", "sidecar", "sidecar-watch"];

#[test]
fn every_manifest_is_strictly_what_it_says() {
    assert_eq!(Placed::all().len(), OVERLAYS.len(), "one in each overlay");
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
    // The patches find their targets, and the volumes lead to the ConfigMap that is generated.
    for overlay in ["sidecar", "sidecar-watch"] {
        let file = |name: &str| documents(&deploy(&format!("overlays/{overlay}/{name}.yaml"))).remove(0);
        let it: Kustomization = strictly(&file("kustomization")).unwrap();
        let (key, value) = it.patches[0].target["labelSelector"].split_once('=').unwrap();
        assert_eq!(file("deployment")["metadata"]["labels"][key], value);
    }
    let base: Kustomization = strictly(&documents(&deploy("base/kustomization.yaml"))[0]).unwrap();
    for Placed { file, pod, container, .. } in Placed::all() {
        let volumes = pod.volumes.unwrap();
        let mounted: Vec<&str> = container.volume_mounts.iter().flatten().map(|mount| mount.name.as_str()).collect();
        assert_eq!(mounted, volumes.iter().map(|volume| volume.name.as_str()).collect::<Vec<_>>(), "{file}");
        let map = volumes.iter().find_map(|volume| volume.config_map.as_ref()).unwrap();
        assert_eq!(map.name, base.config_map_generator[0].name, "{file}");
    }
}

#[test]
fn the_rights_are_net_raw_alone_and_of_the_tee_none() {
    for placed in Placed::all() {
        let Placed { file, by, pod, container } = placed.clone();
        let security = container.security_context.unwrap();
        let capabilities = security.capabilities.unwrap();
        assert_eq!(capabilities.drop.unwrap(), ["ALL"], "{file}");
        let added = (by == By::Watch).then(|| vec!["NET_RAW".to_owned()]);
        assert_eq!(capabilities.add, added, "{file}");
        let user = (security.run_as_user, security.run_as_non_root == Some(true));
        match by {
            By::Watch => assert_eq!(user, (Some(0), false), "{file}"),
            // As the level `restricted` of the Pod Security Standards wants it.
            By::Tee => assert_eq!(user, (Some(image_user()), true), "{file}"),
        }
        assert_eq!(security.read_only_root_filesystem, Some(true), "{file}");
        assert_eq!(security.allow_privilege_escalation, Some(false), "{file}");
        assert_eq!(security.privileged, None, "{file}");
        assert_eq!(security.seccomp_profile.unwrap().type_, "RuntimeDefault", "{file}");
        assert_eq!(pod.host_network, placed.is_daemonset().then_some(true), "{file}");
        assert_eq!((pod.host_pid, pod.host_ipc), (None, None), "{file}");
        assert!(container.ports.iter().flatten().all(|port| port.host_port.is_none()), "{file}");
        // What is written goes to volumes, and each has a bound.
        for volume in pod.volumes.unwrap() {
            assert!(volume.host_path.is_none(), "{file}");
            assert!(volume.empty_dir.is_none_or(|folder| folder.size_limit.is_some()), "{file}: {}", volume.name);
        }
    }
}

/// The user of our image.
fn image_user() -> i64 {
    let dockerfile = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Dockerfile")).unwrap();
    dockerfile.lines().find_map(|line| line.strip_prefix("USER ")).unwrap().parse().unwrap()
}

#[test]
fn what_each_may_take_is_said() {
    for Placed { file, by, container, .. } in Placed::all() {
        let resources = container.resources.unwrap();
        let (requests, limits) = (resources.requests.unwrap(), resources.limits.unwrap());
        for name in ["cpu", "memory", "ephemeral-storage"] {
            assert!(requests.contains_key(name), "{file}: {name}");
            // A tee that may have no more processor time lets users wait.
            assert_eq!(limits.contains_key(name), name != "cpu" || by == By::Watch, "{file}: {name}");
        }
        if by == By::Tee {
            assert_eq!(requests["memory"], limits["memory"], "{file}");
        }
    }
}

#[test]
fn the_probes_ask_what_is_served() {
    for placed in Placed::all() {
        let Placed { ref file, by, ref container, .. } = placed;
        assert_eq!(placed.flag("--serve"), Some("0.0.0.0:7070"), "{file}");
        let ports: Vec<_> =
            container.ports.iter().flatten().map(|port| (port.name.as_deref(), port.container_port)).collect();
        assert!(ports.contains(&(Some("http"), 7070)), "{file}: {ports:?}");
        let path = |probe: &Option<Probe>| {
            let asks = probe.as_ref()?.http_get.as_ref().unwrap();
            assert_eq!(asks.port, IntOrString::String("http".to_owned()), "{file}");
            asks.path.clone()
        };
        assert_eq!(path(&container.liveness_probe).as_deref(), Some("/healthz"), "{file}");
        assert_eq!(path(&container.startup_probe).as_deref(), Some("/healthz"), "{file}");
        // A sidecar that listens and is not ready must not take the service out of its users' reach. A tee that is not ready
        // must, because they could not come through.
        let ready = path(&container.readiness_probe);
        assert_eq!(ready.as_deref(), (placed.is_daemonset() || by == By::Tee).then_some("/readyz"), "{file}");
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
    // Memory: the ring, or what was relayed and waits, and what sides do not take of it; the bodies under way; and what answers
    // of the candidate may have beyond them; with as much again for the rest.
    for placed in Placed::all() {
        let waits: u64 = match placed.by {
            By::Watch => 64 << 20,
            By::Tee => (80 << 20) + placed.flag("--connections").unwrap().parse::<u64>().unwrap() * (64 << 10),
        };
        let needed = waits + (32 << 20) + (64 << 20);
        let Placed { file, container, .. } = placed;
        let limit = container.resources.unwrap().limits.unwrap()["memory"].0.clone();
        let limit: u64 = limit.strip_suffix("Mi").unwrap().parse::<u64>().unwrap() << 20;
        assert!(limit >= 2 * needed, "{file}: {limit} for {needed}");
    }
}

#[test]
fn the_program_knows_the_flags_of_the_manifests() {
    for Placed { file, container, .. } in Placed::all().into_iter().filter(|placed| placed.by == By::Watch) {
        let args = container.args.unwrap();
        // -D lists the interfaces and does nothing else, once the command line was understood. What the tee is given is tried
        // in `through`.
        let output =
            Command::new(env!("CARGO_BIN_EXE_tapcompare")).args(["watch", "-D"]).args(&args[1..]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{file}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_tee_starts_before_the_legacy_and_has_time_to_end() {
    let tee = Placed::the_tee();
    assert!(tee.pod.init_containers.iter().flatten().any(|container| container.name == "tapcompare"));
    assert_eq!(
        tee.container.restart_policy.as_deref(),
        Some("Always"),
        "or it would have to end before the legacy starts"
    );
    let seconds = |text: &str| text.strip_suffix('s').unwrap().parse::<i64>().unwrap();
    let (grace, drain) = (tee.pod.termination_grace_period_seconds.unwrap(), seconds(tee.flag("--drain").unwrap()));
    assert!(drain + 10 <= grace, "{drain} s of draining, and the report, in {grace} s");
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

/// An overlay as kustomize makes it; None, and a line, where there is no kustomize.
fn rendered(test: &str, overlay: &Path) -> Option<Vec<Value>> {
    let by = |program: &str, verb: &str| Command::new(program).arg(verb).arg(overlay).output().ok();
    let Some(output) = by("kubectl", "kustomize").or_else(|| by("kustomize", "build")) else {
        eprintln!("skipped: {test}: neither kubectl nor kustomize is here");
        return None;
    };
    let name = overlay.display().to_string();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.split("\n---\n").map(|document| yaml(document, &name)).collect())
}

/// The one pod that is made.
fn the_pod(rendered: &[Value]) -> PodSpec {
    let pods: Vec<PodSpec> = rendered.iter().filter_map(|manifest| checked(manifest).unwrap()).collect();
    let [pod] = &pods[..] else { panic!("{rendered:?}") };
    pod.clone()
}

#[test]
fn kustomize_renders_the_overlays() {
    for overlay in OVERLAYS {
        let folder = deploy(&format!("overlays/{overlay}"));
        let Some(rendered) = rendered("kustomize_renders_the_overlays", &folder) else { return };
        let pod = the_pod(&rendered);
        let containers = (pod.containers.len(), pod.init_containers.iter().flatten().count());
        let wanted = match overlay {
            "sidecar" => (1, 1),
            "sidecar-watch" => (2, 0),
            _ => (1, 0),
        };
        assert_eq!(containers, wanted, "{overlay}");
        let ours = Placed::of(overlay, pod.clone()).unwrap();
        assert_eq!(ours.container.image.as_deref(), Some("tapcompare:0.1.0"), "{overlay}");
        // The name of the ConfigMap has the digest of its content, and the pod mounts that one.
        let map = rendered.iter().find(|manifest| manifest["kind"] == "ConfigMap").unwrap();
        let mounted = pod.volumes.iter().flatten().find_map(|volume| volume.config_map.as_ref()).unwrap();
        assert_eq!(map["metadata"]["name"], mounted.name.as_str());
        assert_ne!(mounted.name, "tapcompare-policy");
        let policy = fs::read_to_string(deploy("base/tapcompare.yaml")).unwrap();
        assert_eq!(map["data"]["tapcompare.yaml"], policy.as_str());
    }
}

/// The name that a Service looks for in the pods.
fn looked_for(rendered: &[Value], service: &str) -> String {
    let is = |manifest: &&Value| manifest["kind"] == "Service" && manifest["metadata"]["name"] == service;
    let port = &rendered.iter().find(is).unwrap()["spec"]["ports"][0];
    port["targetPort"].as_str().unwrap().to_owned()
}

#[test]
fn the_service_goes_through_the_tee_and_past_it_without_the_one_line() {
    let test = "the_service_goes_through_the_tee_and_past_it_without_the_one_line";
    let Some(with) = rendered(test, &deploy("overlays/sidecar")) else { return };
    let pod = the_pod(&with);
    let tee = Placed::of("sidecar", pod.clone()).unwrap();
    let port = |address: &str| address.rsplit_once(':').unwrap().1.parse::<i32>().unwrap();
    assert_eq!(port_named(&pod, &looked_for(&with, "orders")), port(tee.flag("--listen").unwrap()));
    assert_eq!(port_named(&pod, &looked_for(&with, "tapcompare")), port(tee.flag("--serve").unwrap()));
    let legacy = tee.flag("--legacy").unwrap();
    assert!(legacy.starts_with("http://127.0.0.1:"), "{legacy}");
    assert_eq!(port_named(&pod, "legacy"), port(legacy), "the legacy keeps its port");
    let probe = pod.containers[0].readiness_probe.as_ref().unwrap().http_get.as_ref().unwrap();
    assert_eq!(probe.port, IntOrString::Int(port(legacy)), "the legacy's probe asks the legacy");

    // Without the line that names the patch.
    let copy = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-r").arg(deploy("")).arg(copy.path().join("kubernetes")).status().unwrap();
    assert!(copied.success());
    let file = copy.path().join("kubernetes/overlays/sidecar/kustomization.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let kept: Vec<&str> = text.lines().filter(|line| !line.contains("path: tee.yaml")).collect();
    assert_eq!(kept.len() + 1, text.lines().count());
    fs::write(&file, kept.join("\n")).unwrap();
    let without = rendered(test, file.parent().unwrap()).unwrap();
    let pod = the_pod(&without);
    assert!(Placed::of("sidecar", pod.clone()).is_none() && pod.init_containers.is_none(), "{pod:?}");
    assert_eq!(port_named(&pod, &looked_for(&without, "orders")), port(legacy));
}

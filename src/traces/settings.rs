//! Where spans go, how many of them, and how long one batch may take: `--otlp` and the variables that OpenTelemetry's
//! specification has for it (General SDK Configuration, and OTLP Exporter Configuration, version 1.40).
//!
//! The variables alone switch nothing on: many machines have them for all their programs, and a run opens connections only
//! where it was told to.

use std::time::Duration;

use crate::config::Target;

/// Whether this program can send spans.
pub const IS_BUILT_IN: bool = cfg!(feature = "otlp");

/// Where a collector listens by default.
const DEFAULT_COLLECTOR: &str = "http://localhost:4318";
/// The path of traces, where an address is one for all signals.
const TRACES_PATH: &str = "/v1/traces";
/// How long one batch may take where no variable says so. The specification's 10 s would be waited for at a run's end.
const TIMEOUT: Duration = Duration::from_secs(3);
/// No batch may take longer, whatever a variable says.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(10);

const BASE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const WHOLE: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const TIMEOUTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
const DISABLED: &str = "OTEL_SDK_DISABLED";

/// Why no spans can be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TracesError {
    /// The feature is not in this build.
    #[error("--otlp: this build has no OTLP; install one that has: cargo install tapcompare --features otlp")]
    NotBuiltIn,
    /// An address is none.
    #[error("{name}: {why}")]
    Endpoint {
        /// The flag or the variable.
        name: &'static str,
        /// What is wrong with it, with the way out.
        why: String,
    },
    /// A variable has a value that is none.
    #[error("{name}={value}: {wanted}")]
    Variable {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        wanted: &'static str,
    },
    /// The exporter does not understand its own variables.
    #[error("OTLP cannot be set up: {0}; look at the OTEL_EXPORTER_OTLP_ variables")]
    Exporter(String),
}

/// Where spans go, and how many.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The collector, with the path that takes traces.
    pub collector: Target,
    /// Whether a captured request that says whether its trace is sampled decides for its span.
    pub parent_based: bool,
    /// The share of the other shadow requests that have a span, 0 to 1.
    pub ratio: f64,
    /// How long sending one batch may take.
    pub timeout: Duration,
}

impl Settings {
    /// What the flag (its address, where it has one), the ratio that was typed, and the environment come to; None where
    /// `OTEL_SDK_DISABLED` forbids it.
    ///
    /// # Errors
    /// [`TracesError`], with the flag or variable and what it may be.
    pub fn read(
        address: Option<&str>,
        ratio: Option<f64>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Settings>, TracesError> {
        // The specification: an empty value is none.
        let variable = |name: &str| variable(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        if variable(DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        for name in PROTOCOLS {
            if let Some(value) = variable(name).filter(|value| value != "http/protobuf") {
                return Err(TracesError::Variable {
                    name,
                    value,
                    wanted: "only http/protobuf is spoken, to a collector's port 4318 as a rule",
                });
            }
        }
        let (parent_based, asked) = sampler(&variable)?;
        Ok(Some(Settings {
            collector: collector(address, &variable)?,
            parent_based,
            ratio: ratio.unwrap_or(asked),
            timeout: timeout(&variable)?,
        }))
    }
}

/// The flag's address, that of the variable for traces (taken as it is), that of the variable for all, or the default.
fn collector(address: Option<&str>, variable: &impl Fn(&str) -> Option<String>) -> Result<Target, TracesError> {
    let parsed = |name: &'static str, text: &str| {
        text.parse::<Target>().map_err(|error| TracesError::Endpoint { name, why: error.to_string() })
    };
    let below = |name: &'static str, text: &str| {
        let mut target = parsed(name, text)?;
        if !target.base_path.ends_with(TRACES_PATH) {
            target.base_path.push_str(TRACES_PATH);
        }
        Ok(target)
    };
    if let Some(address) = address {
        return below("--otlp", address);
    }
    match (variable(WHOLE), variable(BASE)) {
        (Some(whole), _) => parsed(WHOLE, &whole),
        (None, Some(base)) => below(BASE, &base),
        (None, None) => below("--otlp", DEFAULT_COLLECTOR),
    }
}

/// Whether the parent decides, and the share of the others.
fn sampler(variable: &impl Fn(&str) -> Option<String>) -> Result<(bool, f64), TracesError> {
    let Some(named) = variable(SAMPLER) else { return Ok((true, 1.0)) };
    let share = || match variable(SAMPLER_ARG) {
        None => Ok(1.0),
        Some(value) => {
            value.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or(TracesError::Variable {
                name: SAMPLER_ARG,
                value,
                wanted: "it is a share from 0 to 1, such as 0.1",
            })
        }
    };
    Ok(match named.as_str() {
        "always_on" => (false, 1.0),
        "always_off" => (false, 0.0),
        "traceidratio" => (false, share()?),
        "parentbased_always_on" => (true, 1.0),
        "parentbased_always_off" => (true, 0.0),
        "parentbased_traceidratio" => (true, share()?),
        _ => {
            return Err(TracesError::Variable {
                name: SAMPLER,
                value: named,
                wanted: "it is always_on, always_off or traceidratio, or one of these with parentbased_ before it",
            });
        }
    })
}

fn timeout(variable: &impl Fn(&str) -> Option<String>) -> Result<Duration, TracesError> {
    let given = TIMEOUTS.into_iter().find_map(|name| Some((name, variable(name)?)));
    let Some((name, value)) = given else { return Ok(TIMEOUT) };
    match value.parse::<u64>() {
        Ok(millis) if millis > 0 => Ok(Duration::from_millis(millis).min(MAX_TIMEOUT)),
        _ => Err(TracesError::Variable { name, value, wanted: "it is a number of milliseconds above 0" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(address: Option<&str>, ratio: Option<f64>, variables: &[(&str, &str)]) -> Result<Option<Settings>, String> {
        let variable = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Settings::read(address, ratio, variable).map_err(|error| error.to_string())
    }

    #[test]
    fn the_flag_goes_before_the_variables_and_that_of_traces_before_that_of_all() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/otlp/");
        let whole = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:9/spans");
        for (address, variables, wanted) in [
            (None, &[][..], "http://localhost:4318/v1/traces"),
            (None, &[base], "http://all:4318/otlp/v1/traces"),
            (None, &[base, whole], "http://traces:9/spans"),
            (Some("http://flag:1"), &[base, whole], "http://flag:1/v1/traces"),
            (Some("http://flag:1/v1/traces"), &[], "http://flag:1/v1/traces"),
            (None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")], "http://localhost:4318/v1/traces"),
        ] {
            let settings = read(address, None, variables).unwrap().unwrap();
            assert_eq!(settings.collector.to_string(), wanted, "{address:?} {variables:?}");
        }
    }

    #[test]
    fn samplers_have_the_specifications_names() {
        let arg = ("OTEL_TRACES_SAMPLER_ARG", "0.25");
        for (named, wanted) in [
            ("always_on", (false, 1.0)),
            ("always_off", (false, 0.0)),
            ("traceidratio", (false, 0.25)),
            ("parentbased_always_on", (true, 1.0)),
            ("parentbased_always_off", (true, 0.0)),
            ("parentbased_traceidratio", (true, 0.25)),
        ] {
            let settings = read(None, None, &[("OTEL_TRACES_SAMPLER", named), arg]).unwrap().unwrap();
            assert_eq!((settings.parent_based, settings.ratio), wanted, "{named}");
        }
        let settings = read(None, Some(0.5), &[("OTEL_TRACES_SAMPLER", "parentbased_always_off")]).unwrap().unwrap();
        assert_eq!((settings.parent_based, settings.ratio), (true, 0.5), "what was typed goes before");
        let settings = read(None, None, &[]).unwrap().unwrap();
        assert_eq!((settings.parent_based, settings.ratio), (true, 1.0));
    }

    #[test]
    fn what_makes_no_sense_is_told_with_its_name_and_the_way_out() {
        for (address, variables, wanted) in [
            (Some("collector:4318"), ("", ""), "--otlp: 'collector:4318' is no target: there is no scheme"),
            (
                None,
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c"),
                "OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c' is no target",
            ),
            (None, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), "OTEL_EXPORTER_OTLP_PROTOCOL=grpc: only http/protobuf"),
            (None, ("OTEL_TRACES_SAMPLER", "jaeger_remote"), "OTEL_TRACES_SAMPLER=jaeger_remote: it is always_on"),
            (None, ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"), "OTEL_EXPORTER_OTLP_TIMEOUT=10s: it is a number of milli"),
        ] {
            let told = read(address, None, &[variables]).unwrap_err();
            assert!(told.starts_with(wanted), "{told}");
        }
        for share in ["2", "-0.1", "x", "NaN"] {
            let variables = [("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", share)];
            assert!(read(None, None, &variables).unwrap_err().contains("a share from 0 to 1"), "{share}");
        }
    }

    #[test]
    fn time_is_bounded_and_the_whole_can_be_forbidden() {
        let long = [("OTEL_EXPORTER_OTLP_TIMEOUT", "600000")];
        assert_eq!(read(None, None, &long).unwrap().unwrap().timeout, MAX_TIMEOUT);
        assert_eq!(read(None, None, &[]).unwrap().unwrap().timeout, TIMEOUT);
        assert_eq!(read(Some("http://a:1"), None, &[("OTEL_SDK_DISABLED", "True")]), Ok(None));
    }
}

//! Credentials that stand in for captured ones. They come from the environment, go out on the wire, and are shown
//! nowhere: neither in a message nor by `Debug`.

use http::header::{HeaderName, HeaderValue};

use crate::config::{Credentials, Replacement};

/// Why there is no value for a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set, or is empty.
    #[error(
        "safety.credentials.replace.{}: the environment variable {} is not set; set it to the value of that header, or take \
         the line out of the policy",
        .0.header, .0.variable
    )]
    Unset(Replacement),
    /// What it holds cannot stand in a header.
    #[error(
        "safety.credentials.replace.{}: what the environment variable {} holds cannot stand in a header (RFC 9110, section \
         5.5); look for a line break at its end",
        .0.header, .0.variable
    )]
    Unfit(Replacement),
    /// The header's name is none.
    #[error("safety.credentials.replace.{}: that is no name of a header; correct it in the policy", .0.header)]
    NoHeader(Replacement),
}

/// The values that the policy's `credentials: {replace: …}` names. Empty under any other policy.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// Marked as sensitive, so that `Debug` does not print them.
    values: Vec<(HeaderName, HeaderValue)>,
}

impl Secrets {
    /// Reads the environment of this process, now.
    ///
    /// # Errors
    ///
    /// [`SecretError`]: one line that names the header and the variable, and never the value.
    pub fn from_environment(credentials: &Credentials) -> Result<Secrets, SecretError> {
        Secrets::from(credentials, |variable| std::env::var_os(variable).map(|value| value.into_encoded_bytes()))
    }

    /// Takes each variable's value from `lookup`.
    ///
    /// # Errors
    ///
    /// As [`Secrets::from_environment`].
    pub fn from(credentials: &Credentials, lookup: impl Fn(&str) -> Option<Vec<u8>>) -> Result<Secrets, SecretError> {
        let Credentials::Replace(replacements) = credentials else { return Ok(Secrets::default()) };
        let one = |replacement: &Replacement| {
            let fail = |error: fn(Replacement) -> SecretError| error(replacement.clone());
            let name =
                HeaderName::from_bytes(replacement.header.as_bytes()).map_err(|_| fail(SecretError::NoHeader))?;
            let value = lookup(&replacement.variable).filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| fail(SecretError::Unset))?;
            let mut value = HeaderValue::from_bytes(&value).map_err(|_| fail(SecretError::Unfit))?;
            value.set_sensitive(true);
            Ok((name, value))
        };
        Ok(Secrets { values: replacements.iter().map(one).collect::<Result<_, _>>()? })
    }

    /// What goes out in place of a captured header of that name.
    pub(super) fn replacing(&self, name: &str) -> Option<&(HeaderName, HeaderValue)> {
        self.values.iter().find(|(replaced, _)| replaced.as_str().eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replace(pairs: &[(&str, &str)]) -> Credentials {
        let one = |(header, variable): &(&str, &str)| Replacement {
            header: (*header).to_owned(),
            variable: (*variable).to_owned(),
        };
        Credentials::Replace(pairs.iter().map(one).collect())
    }

    #[test]
    fn values_come_from_the_environment_and_are_never_shown() {
        let policy = replace(&[("authorization", "TOKEN"), ("cookie", "COOKIE")]);
        let secrets = Secrets::from(&policy, |name| Some(format!("canary-{name}").into_bytes())).unwrap();
        assert_eq!(secrets.replacing("Authorization").unwrap().1, "canary-TOKEN");
        assert_eq!(secrets.replacing("COOKIE").unwrap().1, "canary-COOKIE");
        assert!(secrets.replacing("x-api-key").is_none());
        let shown = format!("{secrets:?} {:#?}", secrets.clone());
        assert!(shown.contains("authorization") && !shown.contains("canary"), "{shown}");
        for credentials in [Credentials::Strip, Credentials::Pass] {
            assert!(Secrets::from(&credentials, |_| None).unwrap().values.is_empty());
        }
    }

    #[test]
    fn a_variable_that_is_not_set_or_not_fit_is_one_clear_line_without_its_value() {
        let policy = replace(&[("authorization", "STAGING_TOKEN")]);
        for (value, why) in [(None, "is not set"), (Some(""), "is not set"), (Some("canary\n"), "a line break")] {
            let error = Secrets::from(&policy, |_| value.map(|v| v.as_bytes().to_vec())).unwrap_err();
            let message = format!("{error} {error:?}");
            assert!(message.contains(why) && message.contains("replace.authorization"), "{message}");
            assert!(message.contains("STAGING_TOKEN") && !message.contains("canary") && !message.contains('\n'));
        }
    }
}

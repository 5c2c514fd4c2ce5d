//! Which names say that what they name is a secret.

use rustc_hash::FxHashSet;

use crate::exchange::CREDENTIAL_HEADERS;

/// Names that are secrets as a whole, in the form of [`normal`].
const WHOLE: &[&str] = &[
    "auth",
    "authorization",
    "bearer",
    "cardno",
    "cookie",
    "credential",
    "credentials",
    "csrf",
    "cvc",
    "cvc2",
    "cvn",
    "cvv2",
    "dbpass",
    "hmac",
    "jsessionid",
    "jwt",
    "mfacode",
    "otp",
    "otpcode",
    "pan",
    "pass",
    "passcode",
    "phpsessid",
    "pin",
    "sessid",
    "session",
    "setcookie",
    "sid",
    "sig",
    "signature",
    "smscode",
    "ssn",
    "totp",
    "userpass",
    "xamzcredential",
    "xamzsignature",
    "xsrf",
];
/// Names that are secrets also where something stands before them: `customerPassword`, `csrf-token`, `stripe_api_key`.
const ENDINGS: &[&str] = &[
    "accesscode",
    "accesskey",
    "accesskeyid",
    "accountnumber",
    "apikey",
    "authcode",
    "authorizationcode",
    "backupcode",
    "cardnumber",
    "clientassertion",
    "codeverifier",
    "creditcard",
    "cvv",
    "encryptionkey",
    "iban",
    "kennwort",
    "masterkey",
    "oauthverifier",
    "passphrase",
    "passwd",
    "password",
    "passwordconfirm",
    "passwordconfirmation",
    "passwordhash",
    "passwort",
    "privatekey",
    "pwd",
    "recoverycode",
    "resetcode",
    "samlresponse",
    "secret",
    "secretkey",
    "securitycode",
    "sessionid",
    "sessionkey",
    "signingkey",
    "socialsecuritynumber",
    "subscriptionkey",
    "token",
    "verificationcode",
];
/// Header fields, beside [`CREDENTIAL_HEADERS`] and those whose names are among the others.
const HEADERS: &[&str] =
    &["authentication-info", "proxy-authentication-info", "set-cookie2", "x-forwarded-client-cert", "x-client-cert"];

/// The names of one policy.
#[derive(Debug, Default)]
pub(super) struct Names {
    headers: FxHashSet<String>,
    added: FxHashSet<String>,
    kept: FxHashSet<String>,
}

/// Letters and digits in lower case, and nothing else: `X-Api_Key` and `xApiKey` are one name.
fn normal(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Forms that ask twice number what they ask for: `password1`, `password2`.
fn unnumbered(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit())
}

impl Names {
    pub(super) fn new(headers: &[String], added: &[String], kept: &[String]) -> Names {
        let all = |names: &[String]| names.iter().map(|name| normal(name)).collect();
        Names { headers: all(headers), added: all(added), kept: all(kept) }
    }

    /// Whether what has this name in a query, a document or a form is a secret. Of `user[password]` and `user.password` the
    /// last part is asked too.
    pub(super) fn is_secret(&self, name: &str) -> bool {
        // Far longer names are text, and asked about as text.
        if name.is_empty() || name.len() > 256 {
            return false;
        }
        let last =
            name.trim_end_matches("[]").trim_end_matches(']').rsplit(['[', '.', ':', '/']).next().unwrap_or(name);
        self.is_named(&normal(name)) || (last.len() < name.len() && self.is_named(&normal(last)))
    }

    /// Whether the policy says that what has this name is no secret.
    pub(super) fn is_kept(&self, name: &str) -> bool {
        self.kept.contains(&normal(name))
    }

    fn is_named(&self, name: &str) -> bool {
        !self.kept.contains(name)
            && (self.added.contains(name)
                || WHOLE.binary_search(&name).is_ok()
                || ENDINGS.iter().any(|ending| unnumbered(name).ends_with(ending)))
    }

    /// Whether the value of the header field of this name is a secret as a whole.
    pub(super) fn is_secret_header(&self, name: &str) -> bool {
        let among = |list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(name));
        let normal = normal(name);
        !self.kept.contains(&normal)
            && (among(CREDENTIAL_HEADERS) || among(HEADERS) || self.headers.contains(&normal) || self.is_secret(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_normal() {
        assert!(WHOLE.is_sorted() && ENDINGS.is_sorted());
        assert!(WHOLE.iter().chain(ENDINGS).all(|name| normal(name) == **name));
    }

    #[test]
    fn names_are_read_without_case_and_separators() {
        let names = Names::default();
        for name in [
            "password",
            "Passwd",
            "PWD",
            "client_secret",
            "clientSecret",
            "CLIENT-SECRET",
            "token",
            "access_token",
            "refreshToken",
            "api_key",
            "apikey",
            "x-api-key",
            "authorization",
            "session",
            "sessionId",
            "sid",
            "ssn",
            "cvv",
            "card_number",
            "iban",
            "private_key",
            "user[password]",
            "login.password",
            "tokens[csrf_token]",
            "creds[token][]",
            "password2",
            "new_password_1",
            "pass",
            "Passwort",
            "verificationCode",
            "code_verifier",
            "Ocp-Apim-Subscription-Key",
        ] {
            assert!(names.is_secret(name), "{name}");
        }
        for name in [
            "passenger",
            "compass",
            "tokens",
            "total_tokens",
            "sidebar",
            "side",
            "pinned",
            "spin",
            "key",
            "id",
            "author",
            "authorizations",
            "secretary",
            "sessions",
            "email",
            "",
            "_",
            "company",
            "japan",
            "auth0",
            "bypass",
            "code",
            "tokens2",
        ] {
            assert!(!names.is_secret(name), "{name}");
        }
    }

    #[test]
    fn the_policy_adds_and_takes_away() {
        let own = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let names =
            Names::new(&own(&["x-customer"]), &own(&["Customer_Code"]), &own(&["page_token", "session", "x-api-key"]));
        assert!(names.is_secret("customerCode") && names.is_secret("a[customer-code]") && names.is_secret("token"));
        assert!(!names.is_secret("pageToken") && !names.is_secret("Session"));
        assert!(names.is_secret_header("X-Customer") && !names.is_secret("x-customer"));
        assert!(!names.is_secret_header("X-API-Key") && names.is_secret_header("x-csrf-token"));
        for header in CREDENTIAL_HEADERS.iter().filter(|h| !["x-api-key", "x-apikey"].contains(h)) {
            assert!(names.is_secret_header(header), "{header}");
        }
        assert!(!names.is_secret_header("content-type") && !names.is_secret_header("etag"));
    }
}

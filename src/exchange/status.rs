//! Classes of status codes: what an endpoint answers with, without the codes themselves.

use super::reason::reasons;

reasons! {
    /// The first digit of a status code (RFC 9110, section 15).
    StatusClass {
        /// Interim answers, and protocols that were switched.
        Informational = "1xx",
        /// It went well.
        Successful = "2xx",
        /// Somewhere else, or not modified.
        Redirection = "3xx",
        /// The client's fault.
        ClientError = "4xx",
        /// The server's.
        ServerError = "5xx",
        /// A code of no class that there is.
        Other = "other",
    }
}

impl StatusClass {
    /// The class of a status code.
    pub fn of(status: u16) -> StatusClass {
        match status / 100 {
            1 => StatusClass::Informational,
            2 => StatusClass::Successful,
            3 => StatusClass::Redirection,
            4 => StatusClass::ClientError,
            5 => StatusClass::ServerError,
            _ => StatusClass::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_digit_is_the_class() {
        let class = |status| StatusClass::of(status).as_str();
        assert_eq!([101, 200, 299, 304, 404, 500, 599].map(class), ["1xx", "2xx", "2xx", "3xx", "4xx", "5xx", "5xx"]);
        assert_eq!([0, 99, 600, 999].map(class), ["other"; 4]);
    }
}

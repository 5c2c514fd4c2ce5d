//! The kinds of faults.

crate::exchange::reasons! {
    /// What is wrong with an answer: the ways in which new implementations of old services are known to err.
    FaultKind {
        /// A member of a JSON object is gone.
        FieldDropped = "field-dropped",
        /// A number is one off in its last digit, a string in its last digit or letter, a boolean is the other; of a body
        /// that is neither JSON nor text, one byte.
        ValueOffByOne = "value-off-by-one",
        /// A JSON value has another type: a number became a string, a string null.
        TypeChanged = "type-changed",
        /// A JSON object has a member more: something that the legacy does not tell.
        FieldAdded = "field-added",
        /// An element of a JSON array is gone.
        ElementLost = "element-lost",
        /// Two neighbours in a JSON array have changed places.
        OrderChanged = "order-changed",
        /// Two identifiers of one JSON document stand in each other's place.
        IdsSwapped = "ids-swapped",
        /// A date, a date and time, or a number of seconds or milliseconds since 1970 is an hour or a day late.
        TimeShifted = "time-shifted",
        /// A line of a text is gone.
        LineLost = "line-lost",
        /// A word of a text is another.
        WordChanged = "word-changed",
        /// The body ends too early.
        BodyTruncated = "body-truncated",
        /// Another status code of the same class.
        StatusChanged = "status-changed",
        /// A header field is gone.
        HeaderLost = "header-lost",
        /// A header field has another value: another URL, another type, a moment later.
        HeaderChanged = "header-changed",
        /// A cookie that is set has lost an attribute.
        CookieAttributeLost = "cookie-attribute-lost",
        /// An attribute of a cookie that is set has another value.
        CookieAttributeChanged = "cookie-attribute-changed",
    }
}

//! Why something did not go the whole way. Each reason is a line in the ledger, so each name is part of the formats.

/// Declares a closed list of reasons with the names that the ledger and the JSON show.
macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every reason, in the order of the ledger.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The name in the ledger and in JSON.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl ::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                ::schemars::json_schema!({"type": "string", "enum": [$($text),+]})
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <::std::borrow::Cow<'de, str> as ::serde::Deserialize>::deserialize(deserializer)?;
                let named = $name::ALL.iter().copied().find(|reason| reason.as_str() == text);
                named.ok_or_else(|| ::serde::de::Error::custom(concat!("no ", stringify!($name), " has this name")))
            }
        }
    };
}
pub(crate) use reasons;

reasons! {
    /// Why a captured exchange is not whole, unambiguous evidence.
    Incomplete {
        /// Bytes of the request or of the answer are missing from the capture.
        Gap = "gap",
        /// The capture kept only the first bytes of a packet (snap length).
        Truncated = "snap-length",
        /// The connection ended properly and no answer had come.
        NoResponse = "no-response",
        /// The capture ended before the answer did.
        EndOfCapture = "end-of-capture",
        /// The connection was reset before the exchange was done.
        Reset = "reset",
        /// The connection was closed in the middle of a message whose framing promised more.
        Closed = "closed",
        /// An answer whose request is not in the capture.
        NoRequest = "no-request",
        /// The first answer of a connection that was under way when the capture began: its request was sent before.
        BeforeCapture = "before-capture",
        /// Both messages may be whole, but after a gap nothing proves that they belong together.
        PairingLost = "pairing-lost",
        /// Framing that two readers may read differently (RFC 9112, section 6.3, and smuggling).
        AmbiguousFraming = "ambiguous-framing",
        /// Retransmitted bytes disagree with those first seen.
        ConflictingBytes = "conflicting-bytes",
        /// Not HTTP/1 from here on, though it began as such.
        Malformed = "malformed",
        /// A limit of memory or of size evicted it.
        Evicted = "limit",
    }
}

impl Incomplete {
    /// The reasons that are the capture's fault: evidence is missing that was there. With the others the service itself
    /// gave no whole answer, or nobody can say what it was, or the exchange began before the capture did.
    pub const LOSSES: [Incomplete; 5] =
        [Incomplete::Gap, Incomplete::Truncated, Incomplete::PairingLost, Incomplete::Evicted, Incomplete::NoRequest];
}

reasons! {
    /// Why a complete exchange was not sent to the candidate.
    Skip {
        /// The method is not safe, and no endpoint of the policy opens it.
        UnsafeMethod = "unsafe-method",
        /// CONNECT or an upgraded connection: there is nothing to ask again.
        Tunnel = "tunnel",
        /// The request could not be rebuilt: its body was not kept whole, or its target is not one to be asked.
        NotReplayable = "not-replayable",
        /// The run was stopped before its turn.
        Stopped = "stopped",
        /// The request carries the mark of a shadow request, or went to an address of the candidate.
        OwnTraffic = "own-traffic",
        /// The legacy itself refused the service (429 or 503): what it could not bear is not mirrored.
        RefusedByLegacy = "refused-by-legacy",
        /// Its client or session is not in the policy's sample.
        NotSampled = "not-sampled",
        /// More requests came than the policy's rate allows, and a live source cannot wait.
        RateLimited = "rate-limited",
        /// The candidate slows down, so that less is sent than the policy's rate allows.
        BackingOff = "backing-off",
        /// The candidate fails or is far too slow, and is left alone for a while.
        BreakerOpen = "breaker-open",
        /// The first sandboxed write of its endpoint is under way, and must first prove the agreement.
        SandboxTrial = "sandbox-trial",
        /// An answer of its endpoint did not say that effects were discarded, so nothing more of it is sent.
        SandboxClosed = "sandbox-closed",
        /// The queue before the candidate was full.
        Shed = "shed",
        /// Its turn came so late that the answer would say nothing any more.
        TooLate = "too-late",
        /// As many requests were sent as the run was to send.
        Enough = "enough",
        /// Only a list of what would be sent was asked for.
        DryRun = "dry-run",
    }
}

reasons! {
    /// How the candidate failed to give an answer that can be compared.
    Failure {
        /// The connection was refused or could not be made.
        Connect = "connect",
        /// No whole answer within the time-out.
        Timeout = "timeout",
        /// The connection was reset or closed before the answer was whole.
        Closed = "closed",
        /// What came was not an HTTP answer, or its framing was wrong.
        Malformed = "malformed",
        /// The answer's body went past the size limit.
        TooLarge = "too-large",
        /// The candidate answered 5xx where the legacy did not.
        ServerError = "server-error",
        /// The answer to a sandboxed request did not say that its effects were discarded.
        EffectsNotDiscarded = "effects-not-discarded",
        /// Bytes came behind a whole answer on a connection that was to go on: whoever asks next over it takes them for the
        /// beginning of its own answer (RFC 9112, section 6.3).
        UnexpectedBytes = "unexpected-bytes",
    }
}

reasons! {
    /// Why two answers could not be compared.
    NotComparable {
        /// The legacy's body was not kept whole.
        BodyNotKept = "body-not-kept",
        /// A content coding that could not be undone, on the legacy's side.
        Undecodable = "undecodable",
        /// Decoding went past the size or ratio limit.
        DecodedTooLarge = "decoded-too-large",
        /// The live legacy, asked as the reference, failed.
        ReferenceFailed = "reference-failed",
        /// A comparison limit (depth, edit distance) was reached.
        LimitReached = "comparison-limit",
        /// The candidate answered 401 or 403 to a request whose credentials were stripped.
        Credentials = "credentials",
        /// Compared under other rules, which may say something else of it, and not kept to be compared again.
        NotKept = "not-kept",
    }
}

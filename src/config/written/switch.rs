//! What can be switched off by a word.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// `off`, or what is switched on.
#[derive(Debug)]
pub(super) enum Switch<T> {
    Off,
    On(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Switch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SwitchVisitor(PhantomData))
    }
}

struct SwitchVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for SwitchVisitor<T> {
    type Value = Switch<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("'off', or keys with their values")
    }

    /// YAML 1.1 has `off` for a boolean.
    fn visit_bool<E: Error>(self, on: bool) -> Result<Self::Value, E> {
        if on { Err(E::custom("here must be 'off', or keys with their values")) } else { Ok(Switch::Off) }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        self.visit_bool(text != "off")
    }

    /// `breaker:` and nothing behind it.
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        self.visit_bool(true)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Switch::On)
    }
}

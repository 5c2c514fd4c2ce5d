//! A specimen laid out to be worked on: its bodies without their content codings.

use std::borrow::Cow;

use crate::compare::decode;
use crate::exchange::{Answer, Asked, Body, Endpoint, Fate, Observation, Request, Response, Specimen};

/// Bytes of a decoded body that faults are put into. Specimens with larger ones are left out, and counted.
pub const MAX_BODY: usize = 256 << 10;

/// A specimen of which everything needed is there.
#[derive(Debug, Clone)]
pub struct Laid {
    /// What it is counted under.
    pub endpoint: Endpoint,
    observation: Observation,
    asked: Asked,
}

impl Laid {
    /// Undoes the content codings of both sides: a fault is put into what a body says, and there is no need to code it again
    /// only for the comparer to decode it. None where a side is not there, was
    /// not kept whole, cannot be decoded, or is past [`MAX_BODY`].
    pub fn out(specimen: &Specimen) -> Option<Laid> {
        let mut observation = specimen.observation.clone();
        let Fate::Asked(asked) = &observation.fate else { return None };
        let mut asked = Asked::clone(asked);
        observation.exchange.request.as_ref()?;
        observation.exchange.response = Some(plain(observation.exchange.response.as_ref()?)?);
        match &mut asked.candidate {
            Ok(answer) => answer.response = plain(&answer.response)?,
            Err(_) => return None,
        }
        match &mut asked.legacy {
            Some(Ok(answer)) => answer.response = plain(&answer.response)?,
            Some(Err(_)) => return None,
            None => {}
        }
        let fate = Fate::Asked(Box::new(asked.clone()));
        Some(Laid { endpoint: specimen.endpoint.clone(), observation: Observation { fate, ..observation }, asked })
    }

    /// As it was, with bodies decoded.
    pub fn observation(&self) -> &Observation {
        &self.observation
    }

    /// What the client asked.
    pub(super) fn request(&self) -> Option<&Request> {
        self.observation.exchange.request.as_ref()
    }

    /// What the candidate is compared with.
    pub(super) fn reference(&self) -> Option<&Response> {
        let live = self.asked.legacy.as_ref().and_then(|live| live.as_ref().ok()).map(|answer| &answer.response);
        live.or(self.observation.exchange.response.as_ref())
    }

    /// What the candidate answered.
    pub(super) fn candidate(&self) -> Option<&Response> {
        self.asked.candidate.as_ref().ok().map(|answer| &answer.response)
    }

    /// The same exchange with another answer of the candidate.
    pub fn answered(&self, response: Response) -> Observation {
        let latency = self.asked.candidate.as_ref().map(|answer| answer.latency).unwrap_or_default();
        let asked = Asked { candidate: Ok(Answer { response, latency }), ..self.asked.clone() };
        Observation { fate: Fate::Asked(Box::new(asked)), ..self.observation.clone() }
    }
}

/// An answer without its content coding.
fn plain(response: &Response) -> Option<Response> {
    if !response.body.is_whole() || response.body.bytes.len() > MAX_BODY {
        return None;
    }
    if response.body.decoded {
        return Some(response.clone());
    }
    let decoded = decode::decode(response.headers.get_all("content-encoding"), &response.body.bytes).ok()?;
    let bytes = match decoded {
        Cow::Borrowed(_) => response.body.bytes.clone(),
        Cow::Owned(decoded) if decoded.len() <= MAX_BODY => decoded.into(),
        Cow::Owned(_) => return None,
    };
    Some(Response { body: Body { decoded: true, ..Body::whole(bytes) }, ..response.clone() })
}

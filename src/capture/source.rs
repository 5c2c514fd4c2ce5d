//! Whatever frames come from as they happen, behind one face.

use std::time::Duration;

use super::{Batch, CaptureError, Live, LiveLosses, VxlanListener};

/// An interface, or a port that receives mirrored frames.
pub enum LiveSource {
    /// An interface, by libpcap.
    Interface(Live),
    /// A UDP port to which frames are sent in VXLAN.
    Vxlan(VxlanListener),
}

impl LiveSource {
    /// See [`Live::fill`] and [`VxlanListener::fill`].
    ///
    /// # Errors
    /// Nothing can come at present: the interface is down or gone, or the system fails.
    pub fn fill(&mut self, batch: &mut Batch, wait: Duration) -> Result<usize, CaptureError> {
        match self {
            LiveSource::Interface(live) => live.fill(batch, wait),
            LiveSource::Vxlan(listener) => listener.fill(batch, wait),
        }
    }

    /// Whether nothing can come at present: see [`Live::is_down`]. A port has no interface of its own.
    pub fn is_down(&self) -> bool {
        match self {
            LiveSource::Interface(live) => live.is_down(),
            LiveSource::Vxlan(_) => false,
        }
    }

    /// What the kernel counted until now.
    pub fn losses(&mut self) -> LiveLosses {
        match self {
            LiveSource::Interface(live) => live.losses(),
            LiveSource::Vxlan(listener) => listener.losses(),
        }
    }

    /// Datagrams that are no VXLAN; a part of what was received. 0 of an interface.
    pub fn not_vxlan(&self) -> u64 {
        match self {
            LiveSource::Interface(_) => 0,
            LiveSource::Vxlan(listener) => listener.not_vxlan(),
        }
    }

    /// Takes in nothing more; what is there is still handed over by [`LiveSource::fill`] until that gives 0.
    ///
    /// # Errors
    /// The kernel refuses, which it has no reason to.
    pub fn stop_taking(&mut self) -> Result<(), CaptureError> {
        match self {
            LiveSource::Interface(live) => live.stop_taking(),
            LiveSource::Vxlan(listener) => listener.stop_taking(),
        }
    }

    /// The link type of every frame, a LINKTYPE_ value.
    pub fn link(&self) -> u16 {
        match self {
            LiveSource::Interface(live) => live.link(),
            LiveSource::Vxlan(listener) => listener.link(),
        }
    }

    /// For people: `interface eth1`, `VXLAN at [::]:4789`.
    pub fn describe(&self) -> String {
        match self {
            LiveSource::Interface(live) => format!("interface {}", live.interface()),
            LiveSource::Vxlan(listener) => format!("VXLAN at {}", listener.address()),
        }
    }
}

//! STUB until the real one is merged.
/// Stub.
#[derive(Debug, Default)]
pub struct DryRun;
impl DryRun {
    /// Stub.
    pub fn note(&mut self, _endpoint: u32, _exchange: &crate::exchange::Exchange, _skip: crate::exchange::Skip) {}
}

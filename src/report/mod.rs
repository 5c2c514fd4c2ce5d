//! One verdict and its evidence, shown in several ways.

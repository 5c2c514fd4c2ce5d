//! Which defects are switched on: `price-rounding,flaky-stock@2%`, `none`, `all`.

use std::fmt;
use std::str::FromStr;

use super::Defect;
use crate::demo::dice;

/// The defects that are switched on, each with the share of its endpoint's requests that it touches.
#[derive(Debug, Clone, Default)]
pub struct Defects(Vec<(&'static Defect, f64)>);

/// Why a text switches no defects on. One line, with the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefectError {
    /// No defect is called that.
    #[error("there is no defect '{0}'; known are: none, all, {known}", known = known())]
    Unknown(String),
    /// What follows the `@` is not a share.
    #[error("'{0}' gives no rate; write it as 'NAME@2%', above 0% and at most 100%")]
    Rate(String),
    /// Nothing at all, which may be a variable that nobody has set.
    #[error("no defect is named; write 'none' for a candidate that is ready, or names: {known}", known = known())]
    Nothing,
    /// `none` together with others.
    #[error("'none' cannot be combined with other defects: '{0}'")]
    NoneAndOthers(String),
}

fn known() -> String {
    Defect::ALL.iter().map(|d| d.name).collect::<Vec<_>>().join(", ")
}

impl Defects {
    /// A candidate without defects.
    pub fn none() -> Defects {
        Defects::default()
    }

    /// Every defect, each at its own rate.
    pub fn all() -> Defects {
        Defects(Defect::ALL.iter().map(|defect| (defect, defect.rate)).collect())
    }

    /// One defect on every request of its endpoint, or at the rate that it has by itself.
    pub fn only(defect: &'static Defect) -> Defects {
        Defects(vec![(defect, defect.rate)])
    }

    /// Whether none is switched on.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is switched on, with the rates, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Defect, f64)> {
        self.0.iter().copied()
    }

    /// The defects that touch a request: the endpoint is theirs, and the request's own number, always the same for
    /// the same request of the same agent, falls below the rate.
    pub(in crate::demo) fn active(&self, endpoint: &str, request: &str) -> Vec<&'static Defect> {
        let touched = |(defect, rate): &(&'static Defect, f64)| {
            defect.endpoint == endpoint && (*rate >= 1.0 || dice::share(&format!("{} {request}", defect.name)) < *rate)
        };
        self.0.iter().filter(|entry| touched(entry)).map(|(defect, _)| *defect).collect()
    }

    fn switch_on(&mut self, defect: &'static Defect, rate: Option<f64>) {
        self.0.retain(|(known, _)| known.name != defect.name);
        self.0.push((defect, rate.unwrap_or(defect.rate)));
    }
}

impl FromStr for Defects {
    type Err = DefectError;

    fn from_str(text: &str) -> Result<Defects, DefectError> {
        let words: Vec<&str> = text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return Err(DefectError::Nothing);
        }
        if words.contains(&"none") && words.len() > 1 {
            return Err(DefectError::NoneAndOthers(text.to_owned()));
        }
        let mut defects = Defects::none();
        for word in words.into_iter().filter(|word| *word != "none") {
            let (name, rate) = match word.split_once('@') {
                Some((name, rate)) => (name, Some(share(rate).ok_or_else(|| DefectError::Rate(word.to_owned()))?)),
                None => (word, None),
            };
            match Defect::named(name) {
                Some(defect) => defects.switch_on(defect, rate),
                None if name == "all" => Defect::ALL.iter().for_each(|defect| defects.switch_on(defect, rate)),
                None => return Err(DefectError::Unknown(name.to_owned())),
            }
        }
        let place = |defect: &Defect| Defect::ALL.iter().position(|d| d.name == defect.name);
        defects.0.sort_by_key(|(defect, _)| place(defect));
        Ok(defects)
    }
}

/// `2%` as 0.02.
fn share(text: &str) -> Option<f64> {
    let percent: f64 = text.strip_suffix('%')?.parse().ok()?;
    (percent > 0.0 && percent <= 100.0).then_some(percent / 100.0)
}

impl fmt::Display for Defects {
    /// As `--defect` takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (n, (defect, rate)) in self.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { "," })?;
            f.write_str(defect.name)?;
            if rate < 1.0 {
                write!(f, "@{}%", (rate * 1e6).round() / 1e4)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<Defects>().map_or_else(|e| e.to_string(), |d| d.to_string())
    }

    #[test]
    fn defects_are_switched_on_by_name_in_any_order_and_with_a_rate() {
        assert_eq!(shown("none"), "none");
        assert_eq!(shown("slow-search, price-rounding"), "price-rounding,slow-search");
        assert_eq!(shown("flaky-stock"), "flaky-stock@2%");
        assert_eq!(shown("flaky-stock@0.5%"), "flaky-stock@0.5%");
        assert_eq!(shown("mojibake@100%"), "mojibake");
        assert_eq!(shown("mojibake,mojibake@7%"), "mojibake@7%");
        assert_eq!("all".parse::<Defects>().unwrap().iter().count(), Defect::ALL.len());
        assert!("all@10%".parse::<Defects>().unwrap().iter().all(|(_, rate)| (rate - 0.1).abs() < 1e-12));
    }

    #[test]
    fn a_wrong_name_gets_one_line_that_names_the_known_ones() {
        let message = shown("price-rounding,slow-serch");
        assert!(message.starts_with("there is no defect 'slow-serch'; known are: none, all, "), "{message}");
        assert!(Defect::ALL.iter().all(|d| message.contains(d.name)));
        assert!(!message.contains('\n'));
    }

    #[test]
    fn a_wrong_rate_is_refused() {
        for text in ["mojibake@", "mojibake@2", "mojibake@0%", "mojibake@101%", "mojibake@x%", "mojibake@nan%"] {
            assert!(shown(text).contains("gives no rate"), "{text}: {}", shown(text));
        }
        assert!(shown("none,mojibake").contains("cannot be combined"));
        for text in ["", " ", ",", " , "] {
            assert!(
                shown(text).starts_with("no defect is named; write 'none' for a candidate that is ready"),
                "'{text}'"
            );
        }
    }
}

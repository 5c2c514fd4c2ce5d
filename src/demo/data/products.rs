//! The catalogue.

use bytes::Bytes;

use super::super::dice::Dice;
use super::words::{CATEGORIES, EPITHETS, SENTENCES, TAGS};
use super::{Cents, Moment, image};

/// One article.
#[derive(Debug, Clone)]
pub(in crate::demo) struct Product {
    /// Position in the catalogue, from 0.
    pub(in crate::demo) number: u32,
    pub(in crate::demo) sku: String,
    pub(in crate::demo) name: String,
    pub(in crate::demo) category: &'static str,
    pub(in crate::demo) description: String,
    pub(in crate::demo) price: Cents,
    pub(in crate::demo) tags: Vec<&'static str>,
    pub(in crate::demo) available: u32,
    pub(in crate::demo) reserved: u32,
    pub(in crate::demo) warehouse: &'static str,
    /// Width, height and depth in millimetres.
    pub(in crate::demo) size: [u32; 3],
    pub(in crate::demo) weight_grams: u32,
    /// In tenths of a star; none where nobody rated it.
    pub(in crate::demo) rating: Option<u32>,
    pub(in crate::demo) created: Moment,
    pub(in crate::demo) updated: Moment,
    /// Counts changes; the entity tag is made of it.
    pub(in crate::demo) version: u32,
}

impl Product {
    pub(super) fn make(number: u32) -> Product {
        let mut dice = Dice::new("product", number);
        let (category, prefix, kinds, low, high) = CATEGORIES[number as usize % CATEGORIES.len()];
        let mut tags: Vec<&'static str> = (0..dice.below(5)).map(|_| dice.pick(&TAGS)).collect();
        tags.sort_unstable();
        tags.dedup();
        let created = dice.below(86_400 * 100);
        let cents = [0, 50, 90, 95, 99][dice.below(5) as usize];
        Product {
            number,
            sku: format!("{prefix}-{}", 1000 + number),
            name: format!("{} {}", dice.pick(&kinds), dice.pick(&EPITHETS)),
            category,
            description: format!("{} {}", dice.pick(&SENTENCES), dice.pick(&SENTENCES)),
            price: Cents(i64::from(dice.between(low, high) * 100 + cents)),
            tags,
            available: dice.below(400),
            reserved: dice.below(20),
            warehouse: dice.pick(&["KÖLN-1", "LODZ-2", "ZRH-3"]),
            size: [(); 3].map(|()| dice.between(20, 480)),
            weight_grams: dice.between(30, 9_000),
            rating: (dice.below(5) > 0).then(|| dice.between(25, 50)),
            created: Moment::utc(created),
            updated: Moment::utc(created + dice.below(86_400 * 60)),
            version: dice.between(1, 40),
        }
    }

    /// Its entity tag.
    pub(in crate::demo) fn etag(&self) -> String {
        format!("\"{}-v{}\"", self.sku, self.version)
    }

    /// Its picture, as the photographer delivered it.
    pub(in crate::demo) fn image(&self) -> Bytes {
        image::png(self.number)
    }

    /// How well it answers a search, in hundredths; 0: not at all. Words are in lower case.
    pub(super) fn score(&self, words: &[String]) -> u32 {
        let name = self.name.to_lowercase();
        words
            .iter()
            .map(|word| {
                let in_name = if name.contains(word.as_str()) { 150 } else { 0 };
                let in_tags = if self.tags.contains(&word.as_str()) { 75 } else { 0 };
                let in_category = if self.category == word { 40 } else { 0 };
                in_name + in_tags + in_category
            })
            .sum()
    }
}

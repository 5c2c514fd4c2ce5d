//! The words that the data is made of. Many are not ASCII, because customers are not.

/// Categories: name, prefix of the article numbers, kinds of thing, least and greatest price in euros.
pub(super) const CATEGORIES: [(&str, &str, [&str; 4], u32, u32); 6] = [
    ("tea", "TEE", ["Grüner Tee", "Oolong", "Matcha 抹茶", "Earl Grey"], 4, 39),
    ("coffee", "KAF", ["Café moulu", "Espresso-Röstung", "Kaffeebohnen", "Caffè decaffeinato"], 6, 34),
    ("ceramics", "KER", ["Teeschale", "Crème Kännchen", "Vase Åland", "Teller"], 9, 129),
    ("kitchen", "KUE", ["Brotmesser", "Käsereibe", "Gusseisentopf", "Mühle"], 12, 249),
    ("books", "BUC", ["Atlas", "Kochbuch „Süßes“", "Reiseführer Łódź", "Märchen"], 8, 59),
    ("garden", "GAR", ["Gießkanne", "Rosenschere", "Übertopf", "Samen-Set"], 3, 89),
];

/// What a product is called besides its kind.
pub(super) const EPITHETS: [&str; 10] =
    ["Klassik", "Nº 5", "Édition spéciale", "groß", "klein", "Bio", "Señor", "smörgås", "handgemacht", "Ω-Serie"];

/// Tags of products.
pub(super) const TAGS: [&str; 10] =
    ["bio", "fair-trade", "neu", "sale", "geschenk", "vegan", "handmade", "limited", "été", "bestseller"];

/// Sentences of which descriptions are made.
pub(super) const SENTENCES: [&str; 8] = [
    "Für jeden Tag gemacht.",
    "Handverlesen & sorgfältig verpackt.",
    "Un classique, depuis 1898.",
    "Spülmaschinenfest bis 65 °C.",
    "Ships within 24 h – or it's free.",
    "Auch als Geschenk <in Papier> erhältlich.",
    "\"Bestes Produkt\" laut Kundenumfrage.",
    "Zażółć gęślą jaźń: z polskiej manufaktury.",
];

/// Given names.
pub(super) const GIVEN: [&str; 12] =
    ["Zoë", "Jürgen", "Łukasz", "Siân", "Ana", "Óscar", "Chloé", "Bjørn", "Mária", "Emre", "花子", "Piet"];

/// Family names.
pub(super) const FAMILY: [&str; 12] = [
    "Müller",
    "Kowalska",
    "O'Brien",
    "Dvořák",
    "Nguyễn",
    "Strauß",
    "Ibáñez",
    "Åkesson",
    "van den Berg",
    "Çelik",
    "山田",
    "Smith",
];

/// Streets.
pub(super) const STREETS: [&str; 8] = [
    "Größenstraße",
    "Rue de l'Été",
    "ul. Świętokrzyska",
    "Calle Muñoz",
    "Højbro Plads",
    "Hauptstraße",
    "Keizersgracht",
    "Náměstí Míru",
];

/// Cities with their country and postcode.
pub(super) const CITIES: [(&str, &str, &str); 8] = [
    ("Köln", "DE", "50667"),
    ("Besançon", "FR", "25000"),
    ("Łódź", "PL", "90-001"),
    ("A Coruña", "ES", "15001"),
    ("København", "DK", "1050"),
    ("Zürich", "CH", "8001"),
    ("'s-Hertogenbosch", "NL", "5211"),
    ("Plzeň", "CZ", "301 00"),
];

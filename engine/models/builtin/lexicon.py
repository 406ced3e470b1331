"""The words the reviews are made of. A number is a strength of feeling: positive praises, negative complains."""

ADJECTIVES: dict[str, float] = {
    word: strength
    for strength, words in {
        3.0: "superb masterful stunning magnificent flawless breathtaking exquisite unforgettable",
        2.0: "excellent moving brilliant gripping delightful witty radiant compelling inspired graceful",
        1.0: "good solid charming clever engaging warm fresh lively honest tender polished sincere",
        0.5: "decent pleasant watchable likeable competent passable agreeable tidy",
        -0.5: "ordinary uneven slight routine forgettable modest plodding thin",
        -1.0: "weak dull clumsy flat stale muddled forced shallow tired bland stilted hollow",
        -2.0: "bad tedious lifeless irritating incoherent wooden grating cynical lazy charmless",
        -3.0: "awful dreadful atrocious unbearable abysmal excruciating appalling insufferable",
    }.items()
    for word in words.split()
}

VERBS: dict[str, float] = {
    "adored": 3.0,
    "loved": 2.5,
    "enjoyed": 1.5,
    "liked": 1.0,
    "admired": 1.5,
    "disliked": -1.0,
    "resented": -1.5,
    "endured": -1.5,
    "hated": -2.5,
    "loathed": -3.0,
}

INTENSIFIERS: dict[str, float] = {
    "": 1.0,
    "very": 1.5,
    "truly": 1.5,
    "utterly": 2.0,
    "remarkably": 1.5,
    "incredibly": 2.0,
    "rather": 0.8,
    "fairly": 0.7,
    "somewhat": 0.5,
    "slightly": 0.4,
}

# What is "not superb" is merely below it; what is "not awful" is hardly praised: negation turns and dampens.
NEGATIONS: dict[str, float] = {
    "": 1.0,
    "not": -0.6,
    "never": -0.8,
    "hardly": -0.5,
    "anything but": -1.0,
    "far from": -0.8,
}

# How much what follows counts beside what came before.
CONTRASTS: dict[str, float] = {"but": 2.0, "yet": 1.5, "however ,": 2.0, "and still": 1.5}

ASPECTS = [
    "acting",
    "plot",
    "script",
    "dialogue",
    "pacing",
    "score",
    "soundtrack",
    "camerawork",
    "lighting",
    "editing",
    "ending",
    "opening",
    "direction",
    "casting",
    "humour",
    "romance",
    "villain",
    "heroine",
    "hero",
    "finale",
    "premise",
    "scenery",
    "choreography",
    "narration",
    "dubbing",
    "makeup",
    "stunts",
    "songs",
    "chemistry",
    "tone",
]

GENRES = [
    "thriller",
    "comedy",
    "drama",
    "western",
    "musical",
    "documentary",
    "romance",
    "mystery",
    "sequel",
    "remake",
    "biopic",
    "satire",
]

FILLERS = (
    "i saw it on a {day} with my {relative} .",
    "{name} plays a {job} from {place} .",
    "it runs for about {number} minutes .",
    "the story follows a {job} who returns to {place} .",
    "this is the {ordinal} {genre} by {name} .",
    "my {relative} had read the book before .",
    "most of it was shot in {place} during the {season} .",
    "{name} and {name} share the screen for the first time .",
    "the cinema was half empty that {day} .",
    "there is a scene in which a {job} meets {name} .",
)

SLOTS: dict[str, list[str]] = {
    "day": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
    "relative": [
        "sister",
        "brother",
        "mother",
        "father",
        "cousin",
        "neighbour",
        "uncle",
        "daughter",
        "flatmate",
        "grandmother",
    ],
    "job": [
        "teacher",
        "doctor",
        "farmer",
        "pilot",
        "lawyer",
        "nurse",
        "sailor",
        "baker",
        "detective",
        "soldier",
        "painter",
        "clerk",
        "chef",
        "priest",
    ],
    "number": ["eighty", "ninety", "hundred", "seventy", "sixty", "fifty"],
    "ordinal": ["first", "second", "third", "fourth", "fifth", "latest"],
    "season": ["winter", "summer", "autumn", "spring"],
    "genre": GENRES,
}

# Names are made of syllables, so that most are new and reach the model in pieces.
ONSETS = ["b", "br", "d", "dr", "f", "g", "gr", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t", "tr", "v", "w"]
VOWELS = ["a", "e", "i", "o", "u", "ai", "ea", "oo"]
CODAS = ["ck", "l", "ll", "m", "n", "nd", "r", "rd", "s", "sk", "th", "x"]

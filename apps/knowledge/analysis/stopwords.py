"""Words that carry no meaning for search, and the function words that tell Latin-script languages apart."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ENGLISH_STOPWORDS = _words(
    "a an and are as at be but by can did do does for from had has have how if in into is it "
    "its no not of on or such that the their then there these they this to was were what when "
    "where which who why will with would"
)

#: Chinese function words as they appear among single characters and bigrams, simplified and traditional.
GRAM_STOPWORDS = _words(
    "的 了 是 在 和 与 與 及 也 就 都 而 着 著 或 这 這 那 有 于 於 之 为 為 吗 嗎 呢 吧 啊 "
    "谁 誰 被 由 将 將 以 其 请 請 问 問 一个 一個 什么 什麼 哪些 如何 怎么 怎麼 怎样 怎樣 "
    "多少 哪个 哪個 的是"
)

FUNCTION_WORDS: dict[str, frozenset[str]] = {
    "en": ENGLISH_STOPWORDS
    | _words("i you we he she my your our his her them been being than so only about"),
    "de": _words(
        "der die das und ist nicht ein eine einen einem einer zu den dem des mit für von auf im "
        "sich auch als wie wird werden sind war wurde oder aber bei nach aus zum zur über durch "
        "kann ich wir sie es was wer wo wann welche"
    ),
    "fr": _words(
        "le la les des du un une et est pas que qui dans en pour sur avec par au aux ce cette ces "
        "se sont ne plus il elle ils nous vous je leur ou mais comme être été quel quelle quels "
        "où quand combien comment"
    ),
    "es": _words(
        "el la los las de del un una y es no que en para por con se su al lo como más fue son "
        "pero sus o este esta entre cuando muy sin sobre también qué cuál quién cómo dónde cuándo "
        "cuánto"
    ),
    "it": _words(
        "il lo la i gli le di del della dei un una e è non che in per con si su al alla da dal "
        "come più sono ma anche o questo questa nel nella chi cosa quando dove quale quanto"
    ),
    "pt": _words(
        "o a os as de do da dos das um uma e é não que em no na para por com se ao como mais foi "
        "são mas ou este esta pelo pela também qual quem onde quando quanto você"
    ),
    "nl": _words(
        "de het een en is niet van in op te dat die voor met zijn er aan ook als bij om naar door "
        "over maar of wordt worden uit heeft deze wat wie waar wanneer hoe welke"
    ),
}

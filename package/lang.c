#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "package/lang.h"

static const struct {
	char	    code[4], also[4], tag[3];	/* 639-2/T, 639-2/B, 639-1 */
	const char *name;
} languages[] = {
	{ "afr", "", "af", "Afrikaans" }, { "ara", "", "ar", "Arabic" },
	{ "aze", "", "az", "Azerbaijani" }, { "bel", "", "be", "Belarusian" },
	{ "ben", "", "bn", "Bengali" }, { "bos", "", "bs", "Bosnian" },
	{ "bul", "", "bg", "Bulgarian" }, { "cat", "", "ca", "Catalan" },
	{ "ces", "cze", "cs", "Czech" }, { "cym", "wel", "cy", "Welsh" },
	{ "dan", "", "da", "Danish" }, { "deu", "ger", "de", "German" },
	{ "ell", "gre", "el", "Greek" }, { "eng", "", "en", "English" },
	{ "est", "", "et", "Estonian" }, { "eus", "baq", "eu", "Basque" },
	{ "fas", "per", "fa", "Persian" }, { "fin", "", "fi", "Finnish" },
	{ "fra", "fre", "fr", "French" }, { "gla", "", "gd", "Gaelic" },
	{ "gle", "", "ga", "Irish" }, { "glg", "", "gl", "Galician" },
	{ "guj", "", "gu", "Gujarati" }, { "heb", "", "he", "Hebrew" },
	{ "hin", "", "hi", "Hindi" }, { "hrv", "scr", "hr", "Croatian" },
	{ "hun", "", "hu", "Hungarian" }, { "hye", "arm", "hy", "Armenian" },
	{ "ind", "", "id", "Indonesian" }, { "isl", "ice", "is", "Icelandic" },
	{ "ita", "", "it", "Italian" }, { "jpn", "", "ja", "Japanese" },
	{ "kan", "", "kn", "Kannada" }, { "kat", "geo", "ka", "Georgian" },
	{ "kaz", "", "kk", "Kazakh" }, { "khm", "", "km", "Khmer" },
	{ "kor", "", "ko", "Korean" }, { "lao", "", "lo", "Lao" },
	{ "lat", "", "la", "Latin" }, { "lav", "", "lv", "Latvian" },
	{ "lit", "", "lt", "Lithuanian" }, { "ltz", "", "lb", "Luxembourgish" },
	{ "mal", "", "ml", "Malayalam" }, { "mar", "", "mr", "Marathi" },
	{ "mkd", "mac", "mk", "Macedonian" }, { "mlt", "", "mt", "Maltese" },
	{ "mon", "", "mn", "Mongolian" }, { "msa", "may", "ms", "Malay" },
	{ "mya", "bur", "my", "Burmese" }, { "nep", "", "ne", "Nepali" },
	{ "nld", "dut", "nl", "Dutch" }, { "nno", "", "nn", "Norwegian Nynorsk" },
	{ "nob", "", "nb", "Norwegian" }, { "nor", "", "no", "Norwegian" },
	{ "pan", "", "pa", "Punjabi" }, { "pol", "", "pl", "Polish" },
	{ "por", "", "pt", "Portuguese" }, { "ron", "rum", "ro", "Romanian" },
	{ "rus", "", "ru", "Russian" }, { "sin", "", "si", "Sinhala" },
	{ "slk", "slo", "sk", "Slovak" }, { "slv", "", "sl", "Slovenian" },
	{ "sme", "", "se", "Northern Sami" }, { "spa", "", "es", "Spanish" },
	{ "sqi", "alb", "sq", "Albanian" }, { "srp", "scc", "sr", "Serbian" },
	{ "swa", "", "sw", "Swahili" }, { "swe", "", "sv", "Swedish" },
	{ "tam", "", "ta", "Tamil" }, { "tel", "", "te", "Telugu" },
	{ "tgl", "", "tl", "Tagalog" }, { "tha", "", "th", "Thai" },
	{ "tur", "", "tr", "Turkish" }, { "ukr", "", "uk", "Ukrainian" },
	{ "urd", "", "ur", "Urdu" }, { "uzb", "", "uz", "Uzbek" },
	{ "vie", "", "vi", "Vietnamese" }, { "zho", "chi", "zh", "Chinese" },
	{ "zul", "", "zu", "Zulu" },
	{ "qaa", "", "", "Original" }, { "mul", "", "", "Multiple languages" },
	{ "und", "", "", "Undetermined" }, { "zxx", "", "", "No language" },
};

static size_t
find(const char *code)
{
	size_t n = sizeof(languages) / sizeof(languages[0]), i = 0;

	while (i < n && strcasecmp(languages[i].code, code) != 0 &&
	    (languages[i].also[0] == '\0' || strcasecmp(languages[i].also, code) != 0))
		i++;
	return i < n ? i : SIZE_MAX;
}

/* Only letters may go into a playlist. */
static const char *
clean(const char *code)
{
	for (const char *p = code; *p != '\0'; p++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", *p) == NULL)
			return "und";
	return code[0] == '\0' ? "und" : code;
}

const char *
lang_tag(const char *iso639_2)
{
	size_t i = find(iso639_2);

	return i != SIZE_MAX && languages[i].tag[0] != '\0' ? languages[i].tag :
	    clean(iso639_2);
}

const char *
lang_name(const char *iso639_2)
{
	size_t i = find(clean(iso639_2));

	return i != SIZE_MAX ? languages[i].name : clean(iso639_2);
}

/* Character sets of teletext: EN 300 706 15, tables 32 to 43. */
#include <uchar.h>

#include "lib/media/teletext.h"

enum subset {
	ENGLISH, GERMAN, SWEDISH, ITALIAN, FRENCH, SPANISH, CZECH, POLISH, TURKISH, SERBIAN,
	RUMANIAN, ESTONIAN, LETTISH, NO_SUBSET,
	CYRILLIC_1, CYRILLIC_2, CYRILLIC_3, GREEK
};

/* Table 32: by the group, bits 14 to 11 of a designation, and C12 to C14. */
static const uint8_t sets[][8] = {
	[0] = { ENGLISH, GERMAN, SWEDISH, ITALIAN, FRENCH, SPANISH, CZECH, NO_SUBSET },
	[1] = { POLISH, GERMAN, SWEDISH, ITALIAN, FRENCH, NO_SUBSET, CZECH, NO_SUBSET },
	[2] = { ENGLISH, GERMAN, SWEDISH, ITALIAN, FRENCH, SPANISH, TURKISH, NO_SUBSET },
	[3] = { NO_SUBSET, NO_SUBSET, NO_SUBSET, NO_SUBSET, NO_SUBSET, SERBIAN, NO_SUBSET,
	    RUMANIAN },
	[4] = { CYRILLIC_1, GERMAN, ESTONIAN, LETTISH, CYRILLIC_2, CYRILLIC_3, CZECH,
	    NO_SUBSET },
	[5] = { NO_SUBSET, NO_SUBSET, NO_SUBSET, NO_SUBSET, NO_SUBSET, NO_SUBSET, NO_SUBSET,
	    NO_SUBSET },
	[6] = { NO_SUBSET, NO_SUBSET, NO_SUBSET, NO_SUBSET, NO_SUBSET, NO_SUBSET, TURKISH,
	    GREEK },
};

/* Table 36: what stands for these in each national option. */
static const char places[] = "#$@[\\]^_`{|}~";
static const char16_t *const subset[] = {
	[ENGLISH] = u"£$@←½→↑#—¼‖¾÷", [GERMAN] = u"#$§ÄÖÜ^_°äöüß",
	[SWEDISH] = u"#¤ÉÄÖÅÜ_éäöåü", [ITALIAN] = u"£$é°ç→↑#ùàòèì",
	[FRENCH] = u"éïàëêùî#èâôûç", [SPANISH] = u"ç$¡áéíóú¿üñèà",
	[CZECH] = u"#ůčťžýířéáěúš", [POLISH] = u"#ńąƵŚŁćóężśłź",
	[TURKISH] = u"₺ğİŞÖÇÜĞışöçü", [SERBIAN] = u"#ËČĆŽĐŠëčćžđš",
	[RUMANIAN] = u"#¤ŢÂŞĂÎıţâşăî", [ESTONIAN] = u"#õŠÄÖŽÜÕšäöžü",
	[LETTISH] = u"#$ŠėęŽčūšąųžį", [NO_SUBSET] = u"#$@[\\]^_`{|}~",
};

/* Tables 38 to 40 and 42, from 0x40 on. */
static const char16_t cyrillic_1[] =
    u"ЧАБЦДЕФГХИЈКЛМНОПЌРСТУВЃЉЊЗЋЖЂШЏчабцдефгхијклмнопќрстувѓљњзћжђш■";
static const char16_t cyrillic_2[] =
    u"ЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЪЗШЭЩЧЫюабцдефгхийклмнопярстужвьъзшэщч■";
static const char16_t cyrillic_3[] =
    u"ЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬІЗШЄЩЧЇюабцдефгхийклмнопярстужвьізшєщч■";
static const char16_t greek[] =
    u"ΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡʹΣΤΥΦΧΨΩΪΫάέήίΰαβγδεζηθικλμνξοπρςστυφχψωϊϋόύώ■";

/* Tables 37, 41 and 43, from 0x20 on. */
static const char16_t latin_g2[] =
    u" ¡¢£$¥#§¤‘“«←↑→↓°±²³×µ¶·÷’”»¼½¾¿ ˋˊˆ˜ˉ˘˙¨.˚ˏˍ˝˛ˇ"
    u"—¹®©™♪₠‰ɑ   ⅛⅜⅝⅞ΩÆÐªĦ ĲĿŁØŒºÞŦŊŉĸæđðħıĳŀłøœßþŧŋ■";
static const char16_t cyrillic_g2[] =
    u" ¡¢£ ¥#§ ‘“«←↑→↓°±²³×µ¶·÷’”»¼½¾¿ ˋˊˆ˜ˉ˘˙¨.˚ˏˍ˝˛ˇ"
    u"—¹®©™♪₠‰ɑŁłß⅛⅜⅝⅞DEFGIJKLNQRSUVWZdefgijklnqrsuvwz";
static const char16_t greek_g2[] =
    u" ab£ehi§:‘“k←↑→↓°±²³xmnp÷’”t¼½¾x ˋˊˆ˜ˉ˘˙¨.˚ˏˍ˝˛ˇ"
    u"?¹®©™♪₠‰ɑΊΎΏ⅛⅜⅝⅞CDFGJLQRSUVWYZΆΉcdfgjlqrsuvwyzΈ■";

_Static_assert(sizeof(cyrillic_1) == 65 * 2 && sizeof(cyrillic_2) == 65 * 2 &&
    sizeof(cyrillic_3) == 65 * 2 && sizeof(greek) == 65 * 2 && sizeof(latin_g2) == 97 * 2 &&
    sizeof(cyrillic_g2) == 97 * 2 && sizeof(greek_g2) == 97 * 2, "a table is not whole");

static enum subset
of(unsigned set)
{
	return set >> 3 < sizeof(sets) / sizeof(sets[0]) ? sets[set >> 3][set & 7] : NO_SUBSET;
}

uint16_t
teletext_g0(unsigned set, uint8_t c)
{
	enum subset s = of(set);

	if (c < 0x20 || c > 0x7f)
		return ' ';
	if (c >= 0x40 && s >= CYRILLIC_1) {
		const char16_t *t = s == CYRILLIC_1 ? cyrillic_1 : s == CYRILLIC_2 ? cyrillic_2 :
		    s == CYRILLIC_3 ? cyrillic_3 : greek;

		return t[c - 0x40];
	}
	if (s == GREEK && (c == '<' || c == '>'))
		return c == '<' ? u'«' : u'»';
	if (c == '&' && (s == CYRILLIC_2 || s == CYRILLIC_3))
		return s == CYRILLIC_2 ? u'ы' : u'ї';
	if (c == 0x7f)
		return u'■';
	for (unsigned i = 0; s <= NO_SUBSET && places[i] != '\0'; i++)
		if (c == (uint8_t)places[i])
			return subset[s][i];
	return c;
}

uint16_t
teletext_g2(unsigned set, uint8_t c)
{
	enum subset s = of(set);

	if (c < 0x20 || c > 0x7f)
		return ' ';
	return (s == GREEK ? greek_g2 : s >= CYRILLIC_1 ? cyrillic_g2 : latin_g2)[c - 0x20];
}

uint16_t
teletext_accented(uint16_t ch, unsigned mode)
{
	/* The letter, and itself with the mark. */
	static const char16_t *const pairs[15] = {
		u"AÀEÈIÌOÒUÙNǸWẀYỲaàeèiìoòuùnǹwẁyỳ",
		u"AÁCĆEÉIÍLĹNŃOÓRŔSŚUÚYÝZŹGǴWẂaácćeéiílĺnńoórŕsśuúyýzźgǵwẃ",
		u"AÂCĈEÊGĜHĤIÎJĴOÔSŜUÛWŴYŶaâcĉeêgĝhĥiîjĵoôsŝuûwŵyŷ",
		u"AÃIĨNÑOÕUŨEẼYỸaãiĩnñoõuũeẽyỹ",
		u"AĀEĒIĪOŌUŪYȲaāeēiīoōuūyȳ",
		u"AĂGĞUŬEĔIĬOŎaăgğuŭeĕiĭoŏ",
		u"CĊEĖGĠIİZŻAȦOȮcċeėgġzżaȧoȯ",
		u"AÄEËIÏOÖUÜYŸWẄHḦaäeëiïoöuüyÿwẅhḧ",
		u"AẠEẸIỊOỌUỤYỴaạeẹiịoọuụyỵ",
		u"AÅUŮaåuů",
		u"CÇGĢKĶLĻNŅRŖSŞTŢcçgģkķlļnņrŗsştţ",
		u"",
		u"OŐUŰoőuű",
		u"AĄEĘIĮUŲaąeęiįuų",
		u"CČDĎEĚLĽNŇRŘSŠTŤZŽAǍIǏOǑUǓcčdďeělľnňrřsštťzžaǎiǐoǒuǔ",
	};
	const char16_t *p = mode >= 0x11 && mode <= 0x1f ? pairs[mode - 0x11] : u"";

	for (; *p != 0; p += 2)
		if (*p == ch)
			return p[1];
	return ch;
}

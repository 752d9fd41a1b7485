#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/channel_layout.h>

#include "encode/audiospec.h"
#include "lib/base/opt.h"

#define GAIN_MOST	60000
#define PEAK		(-1000)		/* EBU R 128 */
#define WORD		512		/* of a spec, all in all */

static const struct {
	const char *name;
	uint64_t layout;
} layouts[] = {
	{ "mono", AV_CH_LAYOUT_MONO }, { "1.0", AV_CH_LAYOUT_MONO },
	{ "stereo", AV_CH_LAYOUT_STEREO }, { "2.0", AV_CH_LAYOUT_STEREO },
	{ "3.0", AV_CH_LAYOUT_SURROUND }, { "4.0", AV_CH_LAYOUT_4POINT0 },
	{ "5.0", AV_CH_LAYOUT_5POINT0_BACK }, { "5.1", AV_CH_LAYOUT_5POINT1_BACK },
	{ "7.1", AV_CH_LAYOUT_7POINT1 }, { "quad", AV_CH_LAYOUT_QUAD },
};

static const struct {
	const char *name;
	uint64_t speaker;
} speakers[] = {
	{ "FL", AV_CH_FRONT_LEFT }, { "FR", AV_CH_FRONT_RIGHT },
	{ "FC", AV_CH_FRONT_CENTER }, { "LFE", AV_CH_LOW_FREQUENCY },
	{ "BL", AV_CH_BACK_LEFT }, { "BR", AV_CH_BACK_RIGHT },
	{ "BC", AV_CH_BACK_CENTER },
	{ "SL", AV_CH_SIDE_LEFT }, { "SR", AV_CH_SIDE_RIGHT },
};

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

struct parser {
	struct audio_spec *a;
	char	*error;
	bool	codec, rate, lang, peak;	/* was said */
	bool	worked;				/* on the sound, which copy cannot */
};

static bool
wrong(const struct parser *p, const char *why, const char *what)
{
	char shown[48];
	size_t n = 0;

	for (; what[n] != '\0' && n < sizeof(shown) - 1; n++)
		shown[n] = (char)(iscntrl((unsigned char)what[n]) ? '?' : what[n]);
	shown[n] = '\0';
	snprintf(p->error, AUDIOSPEC_ERROR, "%s '%s'", why, shown);
	return false;
}

unsigned
audiospec_channels(uint64_t layout)
{
	return (unsigned)__builtin_popcountll(layout);
}

const char *
audiospec_layout_name(uint64_t layout)
{
	static const char *const by_count[] = {
		"0", "mono", "stereo", "3.0", "4.0", "5.0", "5.1", "7", "7.1",
	};
	unsigned n = audiospec_channels(layout);

	return layout == AV_CH_LAYOUT_QUAD ? "quad" : n < COUNT(by_count) ? by_count[n] : "more";
}

/* A decimal number that ends at *end: a sign, digits, a fraction; no more than that. */
static bool
read_decimal(const char *s, char **end, double *v)
{
	const char *p = s + (*s == '-' || *s == '+');
	bool digits = isdigit((unsigned char)*p);
	double value = 0, scale = 1;

	for (; isdigit((unsigned char)*p); p++)
		value = value * 10 + (*p - '0');
	if (*p == '.')
		for (p++; isdigit((unsigned char)*p); p++) {
			value += (*p - '0') * (scale /= 10);
			digits = true;
		}
	*end = (char *)(uintptr_t)p;
	*v = *s == '-' ? -value : value;
	return digits && value < 1e6;
}

/* "-6dB", "-23LUFS" or without a unit where that is allowed: in thousandths. */
static bool
read_level(const char *s, const char *unit, int lo, int hi, int *out)
{
	double v;
	char *end;

	if (!read_decimal(s, &end, &v) || (*end != '\0' && strcmp(end, unit) != 0) ||
	    v * 1000 < lo || v * 1000 > hi)
		return false;
	*out = (int)lround(v * 1000);
	return true;
}

static bool
read_number(const char *s, uint64_t lo, uint64_t hi, uint64_t *out)
{
	char *end;
	bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');

	if (!isxdigit((unsigned char)s[hex ? 2 : 0]))
		return false;
	*out = strtoull(s, &end, hex ? 16 : 10);
	return *end == '\0' && *out >= lo && *out <= hi;
}

/* "eng", "deu" ...: three letters, as in ISO 639-2. */
static bool
read_lang(const char *s, size_t len, char out[static 4])
{
	memset(out, 0, 4);
	if (len == 1 && *s == '*') {
		out[0] = '*';
		return true;
	}
	for (size_t i = 0; i < len && i < 3; i++) {
		if (!isalpha((unsigned char)s[i]))
			return false;
		out[i] = (char)tolower((unsigned char)s[i]);
	}
	return len == 3;
}

static bool
set_lang(struct parser *p, const char *value)
{
	struct audio_spec *a = p->a;

	p->lang = true;
	for (const char *s = value;; s++) {
		size_t len = strcspn(s, "/");

		if (a->nlang == AUDIOSPEC_LANGS || !read_lang(s, len, a->lang[a->nlang++]))
			return wrong(p, "a language is like eng, a list like eng/deu/*, not",
			    value);
		s += len;
		if (*s == '\0')
			return true;
	}
}

static bool
set_layout(struct parser *p, const char *value)
{
	for (size_t i = 0; i < COUNT(layouts); i++)
		if (strcmp(layouts[i].name, value) == 0) {
			p->a->layout = layouts[i].layout;
			return true;
		}
	return wrong(p, "a layout is mono, stereo, 3.0, 4.0, quad, 5.0, 5.1 or 7.1, not", value);
}

/* A channel of the source: 1 to 64, or by its name. */
static bool
read_channel(const char *s, size_t len, struct mix_term *t)
{
	char word[8] = "";
	uint64_t n;

	if (len == 0 || len >= sizeof(word))
		return false;
	memcpy(word, s, len);
	for (size_t i = 0; i < COUNT(speakers); i++)
		if (strcmp(word, speakers[i].name) == 0) {
			t->speaker = speakers[i].speaker;
			return true;
		}
	if (word[1] == 'x' || !read_number(word, 1, MIX_CHANNELS, &n))
		return false;
	t->number = (uint8_t)(n - 1);
	return true;
}

/* [factor*]channel, where a factor is 0.707 or -3dB */
static bool
read_term(const char *s, size_t len, struct mix_term *t)
{
	const char *star = memchr(s, '*', len);
	double sign = *s == '-' ? -1 : 1;
	char *end;

	t->factor = 1;
	if (star == NULL) {
		t->factor = sign;
		s += sign < 0;
		return read_channel(s, len - (sign < 0), t);
	}
	if (!read_decimal(s, &end, &t->factor))
		return false;
	if (end + 2 == star && strncmp(end, "dB", 2) == 0) {
		if (fabs(t->factor) > GAIN_MOST / 1000.0)
			return false;
		t->factor = pow(10, t->factor / 20);
	} else if (end != star || fabs(t->factor) > 1000) {
		return false;
	}
	return read_channel(star + 1, len - (size_t)(star + 1 - s), t);
}

/* Rows of terms: "FL+0.707*FC|FR+0.707*FC".  Each is a channel that comes out. */
static bool
set_mix(struct parser *p, const char *value)
{
	struct audio_spec *a = p->a;

	for (const char *s = value;; s++) {
		size_t len = strcspn(s, "+|");

		if (a->nterm == MIX_TERMS || a->rows == MIX_ROWS)
			return wrong(p, "a mix has up to 8 channels of 32 terms, not", value);
		a->term[a->nterm].row = (uint8_t)a->rows;
		if (!read_term(s, len, &a->term[a->nterm++]))
			return wrong(p, "a mix is like FL+0.707*FC|FR+0.707*FC or 3|4, not", value);
		s += len;
		a->rows += *s != '+';
		if (*s == '\0')
			return true;
	}
}

static bool
set_codec(struct parser *p, const char *value)
{
	static const struct {
		const char *name;
		enum codec codec;
		uint8_t he;
	} row[] = {
		{ "aac", CODEC_AAC, 0 }, { "heaac", CODEC_AAC, 1 }, { "heaacv2", CODEC_AAC, 2 },
		{ "ac3", CODEC_AC3, 0 }, { "eac3", CODEC_EAC3, 0 }, { "opus", CODEC_OPUS, 0 },
	};

	if (p->codec)
		return wrong(p, "two codecs, the second is", value);
	p->codec = true;
	for (size_t i = 0; i < COUNT(row); i++)
		if (strcmp(row[i].name, value) == 0) {
			p->a->codec = row[i].codec;
			p->a->he = row[i].he;
			return true;
		}
	p->a->mode = AUDIO_COPY;
	return strcmp(value, "copy") == 0 || wrong(p,
	    "a codec is aac, heaac, heaacv2, ac3, eac3, opus or copy, not", value);
}

static bool
set_rate(struct parser *p, const char *value)
{
	if (p->rate)
		return wrong(p, "two rates, the second is", value);
	p->rate = true;
	if (opt_scaled(value, opt_rates, &p->a->rate) < 0 || p->a->rate < 6000 ||
	    p->a->rate > 2000000)
		return wrong(p, "a rate is from 6k to 2M, not", value);
	return true;
}

static bool
set_loudness(struct parser *p, const char *value)
{
	p->a->loud = strcmp(value, "measure") == 0 ? LOUD_MEASURE : LOUD_CORRECT;
	return p->a->loud == LOUD_MEASURE ||
	    read_level(value, "LUFS", -60000, -5000, &p->a->target) ||
	    wrong(p, "loudness is measure or from -60 to -5 (LUFS), not", value);
}

static bool
set_hz(struct parser *p, const char *value)
{
	uint64_t hz;

	if (!read_number(value, 16000, 48000, &hz) || (hz != 48000 && hz != 44100 &&
	    hz != 32000 && hz != 24000 && hz != 22050 && hz != 16000))
		return wrong(p, "hz is 48000, 44100, 32000, 24000, 22050 or 16000, not", value);
	p->a->hz = (unsigned)hz;
	return true;
}

static bool
set_key(struct parser *p, const char *key, const char *value)
{
	struct audio_spec *a = p->a;
	uint64_t n;

	if (strcmp(key, "pid") == 0) {
		if (!read_number(value, 0x10, 0x1ffe, &n))
			return wrong(p, "a PID is from 0x10 to 0x1ffe, not", value);
		a->pid = (uint16_t)n;
		return true;
	}
	if (strcmp(key, "track") == 0) {
		if (!read_number(value, 1, 64, &n))
			return wrong(p, "a track is from 1 to 64, not", value);
		a->track = (unsigned)n;
		return true;
	}
	if (strcmp(key, "lang") == 0)
		return set_lang(p, value);
	if (strcmp(key, "codec") == 0)
		return set_codec(p, value);
	p->worked = true;
	if (strcmp(key, "rate") == 0)
		return set_rate(p, value);
	if (strcmp(key, "layout") == 0)
		return set_layout(p, value);
	if (strcmp(key, "mix") == 0)
		return set_mix(p, value);
	if (strcmp(key, "hz") == 0)
		return set_hz(p, value);
	if (strcmp(key, "loudness") == 0)
		return set_loudness(p, value);
	if (strcmp(key, "gain") == 0)
		return read_level(value, "dB", -GAIN_MOST, GAIN_MOST, &a->gain) ||
		    wrong(p, "a gain is from -60dB to 60dB, not", value);
	if (strcmp(key, "peak") == 0) {
		p->peak = true;
		return read_level(value, "dB", -20000, 0, &a->peak) ||
		    wrong(p, "a peak is from -20dB to 0dB, not", value);
	}
	return wrong(p, "no such key:", key);
}

/* The first: "128k", "copy", "aac", "aac@128k" or a key already. */
static bool
set_word(struct parser *p, char *word, bool first)
{
	char *at = strchr(word, '@');

	if (first && isdigit((unsigned char)*word)) {
		p->a->per_pair = true;
		return set_rate(p, word);
	}
	if (at != NULL)
		*at = '\0';
	if (!set_codec(p, word))
		return false;
	p->worked |= at != NULL;
	return at == NULL || set_rate(p, at + 1);
}

static bool
allowed_rate(const struct audio_spec *a)
{
	static const uint16_t ac3[] = {		/* TS 102 366 table 4.13 */
		32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512,
		576, 640,
	};

	for (size_t i = 0; i < COUNT(ac3); i++)
		if (a->rate == ac3[i] * UINT64_C(1000))
			return true;
	return a->codec != CODEC_AC3 || a->rate == 0;
}

static const uint64_t usual[MIX_ROWS + 1] = {
	0, AV_CH_LAYOUT_MONO, AV_CH_LAYOUT_STEREO, AV_CH_LAYOUT_SURROUND, AV_CH_LAYOUT_4POINT0,
	AV_CH_LAYOUT_5POINT0_BACK, AV_CH_LAYOUT_5POINT1_BACK, 0, AV_CH_LAYOUT_7POINT1,
};

static bool
check(struct parser *p)
{
	struct audio_spec *a = p->a;

	if (a->pid != 0 && a->track != 0)
		return wrong(p, "pid and track do not go together:", a->text);
	a->selects = a->pid != 0 || a->track != 0 || p->lang;
	if ((a->pid != 0 || a->track != 0) && p->lang) {
		if (a->nlang > 1 || a->lang[0][0] == '*')
			return wrong(p, "beside pid or track, lang is one language:", a->text);
		memcpy(a->label, a->lang[0], sizeof(a->label));
	}
	if (a->mode == AUDIO_COPY && p->worked)
		return wrong(p, "what is copied stays as it is:", a->text);
	if (a->rows > 0 && a->layout == 0)
		a->layout = usual[a->rows];
	if (a->rows > 0 && audiospec_channels(a->layout) != a->rows)
		return wrong(p, "the mix has other channels than the layout:", a->text);
	if (audiospec_channels(a->layout) > 6 && a->codec != CODEC_OPUS)
		return wrong(p, "only opus has 7.1:", a->text);
	if (a->layout == AV_CH_LAYOUT_QUAD && a->codec == CODEC_AAC)
		return wrong(p, "aac has no quad:", a->text);
	if (a->layout == AV_CH_LAYOUT_4POINT0 && a->codec == CODEC_OPUS)
		return wrong(p, "opus has no 4.0, but quad:", a->text);
	if (a->codec == CODEC_OPUS && a->hz != 48000)
		return wrong(p, "opus has 48000 Hz:", a->text);
	if ((a->codec == CODEC_AC3 || a->codec == CODEC_EAC3) && a->hz < 32000)
		return wrong(p, "AC-3 has 48000, 44100 or 32000 Hz:", a->text);
	if (!allowed_rate(a))
		return wrong(p, "AC-3 has rates such as 192k, 384k or 448k:", a->text);
	if (p->peak && a->loud != LOUD_CORRECT)
		return wrong(p, "peak needs loudness:", a->text);
	return true;
}

bool
audiospec_parse(struct audio_spec *a, const char *text, char error[static AUDIOSPEC_ERROR])
{
	struct parser p = { .a = a, .error = error };
	char copy[WORD], *rest = copy, *item;

	*a = (struct audio_spec){ .text = text, .codec = CODEC_AAC, .hz = 48000, .peak = PEAK };
	error[0] = '\0';
	if (strlen(text) >= sizeof(copy))
		return wrong(&p, "longer than 511 characters:", text);
	memcpy(copy, text, strlen(text) + 1);
	if (strcmp(text, "none") == 0) {
		a->mode = AUDIO_NONE;
		return true;
	}
	for (bool first = true; (item = strsep(&rest, ",")) != NULL; first = false) {
		char *eq = strchr(item, '=');

		if (eq != NULL)
			*eq = '\0';
		if (eq != NULL ? !set_key(&p, item, eq + 1) : !set_word(&p, item, first))
			return false;
	}
	if (a->per_pair && (a->rate < 16000 || a->rate > 512000))
		return wrong(&p, "not in 16k..512k:", text);
	return check(&p);
}

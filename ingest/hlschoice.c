#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ingest/hlschoice.h"
#include "lib/base/opt.h"

static const struct opt_unit rate_units[] = {
	{ "", 1 }, { "k", 1000 }, { "M", 1000000 }, { "G", 1000000000 }, { NULL, 0 },
};

const char *
hls_choice_parse(const char *s, struct hls_choice *c)
{
	while (*s != '\0') {
		size_t len = strcspn(s, "&");
		char word[96];
		uint64_t v;

		if (len >= sizeof(word))
			return s;
		memcpy(word, s, len);
		word[len] = '\0';
		if (strncmp(word, "rate=", 5) == 0) {
			if (opt_scaled(word + 5, rate_units, &v) < 0 || v > INT64_MAX)
				return s;
			c->rate = (int64_t)v;
		} else if (strncmp(word, "height=", 7) == 0) {
			if (opt_scaled(word + 7, rate_units, &v) < 0 || v > 1 << 20)
				return s;
			c->height = (int64_t)v;
		} else if (strncmp(word, "audio=", 6) == 0 && len - 6 < sizeof(c->audio)) {
			memcpy(c->audio, word + 6, len - 5);
		} else if (strcmp(word, "cues=stream") == 0) {
			c->cues = HLS_CUES_STREAM;
		} else if (strcmp(word, "cues=playlist") == 0) {
			c->cues = HLS_CUES_PLAYLIST;
		} else if (len > 0) {
			return s;
		}
		s += len + (s[len] == '&');
	}
	return NULL;
}

/* What the tool can put into a transport stream; unknown words are let pass. */
static bool
carried(const char *codecs)
{
	static const char *const no[] = { "av01", "vp8", "vp08", "vp9", "vp09", "dvh1",
	    "dvhe", "dva1", "dvav", "vvc1", "vvi1", "fLaC", "flac", "alac", "iamf" };

	while (*codecs != '\0') {
		codecs += strspn(codecs, " ,");
		for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
			if (strncmp(codecs, no[i], strlen(no[i])) == 0)
				return false;
		codecs += strcspn(codecs, ",");
	}
	return true;
}

/* Is it within what was asked for? */
static bool
within(const struct hls_variant *v, const struct hls_choice *c)
{
	return (c->rate == 0 || v->bandwidth <= c->rate) &&
	    (c->height == 0 || v->height <= c->height);
}

static bool
better(const struct hls_variant *v, const struct hls_variant *best,
    const struct hls_choice *c)
{
	bool fits = within(v, c), best_fits = within(best, c);

	if (fits != best_fits)
		return fits;
	if (!fits)			/* then the least there is */
		return v->bandwidth < best->bandwidth;
	if (c->height != 0 && v->height != best->height)
		return v->height > best->height;
	return v->bandwidth > best->bandwidth;
}

const struct hls_variant *
hls_choose_variant(const struct hls *h, const struct hls_choice *c)
{
	const struct hls_variant *best = NULL;

	for (size_t i = 0; i < h->nvariant; i++) {
		const struct hls_variant *v = &h->variant[i];

		if (!v->iframes && carried(v->codecs) &&
		    (best == NULL || better(v, best, c)))
			best = v;
	}
	return best;
}

unsigned
hls_choose_audio(const struct hls *h, const struct hls_variant *v,
    const struct hls_choice *c, const struct hls_rendition **out, unsigned max)
{
	unsigned n = 0;

	for (size_t i = 0; i < h->nrendition && *v->audio != '\0' && n < max; i++) {
		const struct hls_rendition *m = &h->rendition[i];
		size_t len = strlen(c->audio);
		bool known = false;

		if (m->type != HLS_AUDIO || strcmp(m->group, v->audio) != 0 ||
		    m->uri == NULL || strcmp(m->uri, v->uri) == 0)
			continue;
		if (len > 0 && strcasecmp(m->name, c->audio) != 0 &&
		    (strncasecmp(m->language, c->audio, len) != 0 ||
		    (m->language[len] != '\0' && m->language[len] != '-')))
			continue;
		for (unsigned k = 0; k < n; k++)
			known |= strcmp(out[k]->uri, m->uri) == 0;
		if (known)
			continue;
		/* The default comes first. */
		out[n++] = m;
		if (m->is_default) {
			for (unsigned k = n - 1; k > 0; k--)
				out[k] = out[k - 1];
			out[0] = m;
		}
	}
	return n;
}

const char *
hls_language(const char *tag)
{
	static const char pairs[][7] = {
		"ar ara", "bg bul", "bn ben", "ca cat", "cs ces", "cy cym", "da dan",
		"de deu", "el ell", "en eng", "es spa", "et est", "eu eus", "fa fas",
		"fi fin", "fr fra", "ga gle", "gl glg", "he heb", "hi hin", "hr hrv",
		"hu hun", "hy hye", "id ind", "is isl", "it ita", "ja jpn", "ka kat",
		"ko kor", "lt lit", "lv lav", "mk mkd", "ms msa", "mt mlt", "nb nob",
		"nl nld", "nn nno", "no nor", "pl pol", "pt por", "ro ron", "ru rus",
		"sk slk", "sl slv", "sq sqi", "sr srp", "sv swe", "sw swa", "ta tam",
		"te tel", "th tha", "tr tur", "uk ukr", "ur urd", "vi vie", "zh zho",
	};
	static const char *const whole[] = { "qaa", "qad", "mul", "mis", "und", "zxx" };
	size_t len = strcspn(tag, "-");

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if ((len == 2 && strncasecmp(tag, pairs[i], 2) == 0) ||
		    (len == 3 && strncasecmp(tag, pairs[i] + 3, 3) == 0))
			return pairs[i] + 3;
	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++)
		if (len == 3 && strncasecmp(tag, whole[i], 3) == 0)
			return whole[i];
	return "";
}

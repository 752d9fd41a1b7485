#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "encode/quality.h"
#include "encode/rungspec.h"
#include "lib/base/opt.h"

_Noreturn void
rungspec_bad(const struct rung_spec *r, const char *why, const char *what)
{
	fatal(EXIT_USAGE, 0, "--rung '%s': %s '%s'", r->text, why, what);
}

static void
copy_word(const struct rung_spec *r, char *to, size_t size, const char *value)
{
	if (value[0] == '\0' || strlen(value) >= size)
		rungspec_bad(r, "bad value", value);
	memcpy(to, value, strlen(value) + 1);
}

static void
parse_fps(struct rung_spec *r, const char *value)
{
	r->half = strcmp(value, "half") == 0;
	if (r->half)
		return;
	if (!rational_parse(value, &r->fps) || r->fps.num > 300 * r->fps.den ||
	    r->fps.den > 60 * r->fps.num)
		rungspec_bad(r, "a frame rate is 25, 30000/1001 or half, not", value);
}

static void
parse_rung_color(struct rung_spec *r, const char *value)
{
	if (strcmp(value, "auto") == 0)
		r->color = RUNG_AUTO;
	else if (strcmp(value, "source") == 0)
		r->color = RUNG_SOURCE;
	else if (strcmp(value, "sdr") == 0)
		r->color = RUNG_SDR;
	else
		rungspec_bad(r, "color is auto, source or sdr, not", value);
}

static void
parse_fit(struct rung_spec *r, const char *value)
{
	r->fit = strcmp(value, "pad") == 0 ? FIT_PAD : strcmp(value, "crop") == 0 ? FIT_CROP :
	    FIT_INSIDE;
	if (r->fit == FIT_INSIDE && strcmp(value, "inside") != 0)
		rungspec_bad(r, "fit is inside, pad or crop, not", value);
	if (r->size.box_w == 0)
		rungspec_bad(r, "fit is of a size such as 1280x720, not of", r->text);
}

enum rung_vq
rungspec_vq(const char *s)
{
	return strcmp(s, "standard") == 0 ? VQ_STANDARD :
	    strcmp(s, "enhanced") == 0 ? VQ_ENHANCED : VQ_UNSAID;
}

static void
parse_part(struct rung_spec *r, const char *value)
{
	const char *why = crop_parse(&r->crop, value);

	if (why != NULL)
		fatal(EXIT_USAGE, 0, "--rung '%s': crop '%s' %s", r->text, value, why);
}

struct seen {
	bool	quality, rc;
};

static void
set_key(struct rung_spec *r, struct seen *seen, const char *key, const char *value)
{
	if (strcmp(key, "codec") == 0) {
		r->codec = strcmp(value, "avc") == 0 ? CODEC_AVC :
		    strcmp(value, "hevc") == 0 ? CODEC_HEVC : CODEC_UNKNOWN;
		if (r->codec == CODEC_UNKNOWN)
			rungspec_bad(r, "codec is avc or hevc, not", value);
	} else if (strcmp(key, "fps") == 0) {
		parse_fps(r, value);
	} else if (strcmp(key, "gop") == 0) {
		r->gop_ns = (int64_t)opt_duration("rung gop", value);
	} else if (strcmp(key, "vbv") == 0) {
		r->vbv_ns = (int64_t)opt_duration("rung vbv", value);
		if (r->vbv_ns < 20000000 || r->vbv_ns > 60000000000)
			rungspec_bad(r, "vbv is from 20ms to 60s, not", value);
	} else if (strcmp(key, "maxrate") == 0) {
		r->maxrate = opt_rate("rung maxrate", value);
	} else if (strcmp(key, "quality") == 0) {
		r->quality = quality_parse(value);
		if (r->quality == 0 && strcmp(value, "auto") != 0)
			rungspec_bad(r, "quality is from 1 to 10, as 7.33, or auto, not", value);
		seen->quality = true;
	} else if (strcmp(key, "rc") == 0) {
		r->rc = strcmp(value, "abr") == 0 ? RATE_ABR :
		    strcmp(value, "cbr") == 0 ? RATE_CBR : RATE_QVBR;
		if (r->rc == RATE_QVBR && strcmp(value, "qvbr") != 0)
			rungspec_bad(r, "rc is qvbr, abr or cbr, not", value);
		seen->rc = true;
	} else if (strcmp(key, "threads") == 0) {
		r->threads = (int)opt_number("rung threads", value, 1, 64);
	} else if (strcmp(key, "color") == 0) {
		parse_rung_color(r, value);
	} else if (strcmp(key, "vq") == 0) {
		r->vq = rungspec_vq(value);
		if (r->vq == VQ_UNSAID)
			rungspec_bad(r, "vq is standard or enhanced, not", value);
	} else if (strcmp(key, "crop") == 0) {
		parse_part(r, value);
	} else if (strcmp(key, "fit") == 0) {
		parse_fit(r, value);
	} else if (strcmp(key, "profile") == 0) {
		copy_word(r, r->profile, sizeof(r->profile), value);
	} else if (strcmp(key, "level") == 0) {
		copy_word(r, r->level, sizeof(r->level), value);
	} else if (strcmp(key, "preset") == 0) {
		copy_word(r, r->preset, sizeof(r->preset), value);
	} else if (strcmp(key, "tune") == 0) {
		copy_word(r, r->tune, sizeof(r->tune), value);
	} else if (strcmp(key, "x264") == 0 || strcmp(key, "x265") == 0) {
		copy_word(r, r->params, sizeof(r->params), value);
	} else {
		rungspec_bad(r, "no such key:", key);
	}
	if (strncmp(key, "x26", 3) == 0)
		r->params_of = strcmp(key, "x265") == 0 ? CODEC_HEVC : CODEC_AVC;
}

/* The rate is the cap of QVBR; one that has a mean below it is of ABR. */
static void
check_rate(struct rung_spec *r, const struct seen *seen)
{
	if (r->maxrate > 0 && !seen->rc && !seen->quality)
		r->rc = RATE_ABR;
	if (r->maxrate > 0 && r->rc != RATE_ABR)
		rungspec_bad(r, "maxrate is of", "rc=abr");
	if (seen->quality && r->rc != RATE_QVBR)
		rungspec_bad(r, "quality is of", "rc=qvbr");
	if (r->maxrate == 0)
		r->maxrate = r->rate;
	if (r->maxrate < r->rate)
		rungspec_bad(r, "maxrate is below", "RATE");
}

/* "copy", or "copy@18M" */
static void
parse_copy(struct rung_spec *r, const char *arg)
{
	if (arg[4] == '@')
		r->rate = r->maxrate = opt_rate("rung", arg + 5);
	if (r->rate > 0 && (r->rate < RUNG_RATE_LEAST || r->rate > 400000000))
		rungspec_bad(r, "a rate is from 10k to 400M, not", arg + 5);
	r->copy = true;
}

void
rungspec_parse(struct rung_spec *r, const char *arg)
{
	char *text = strdup(arg), *at, *rest, *item;
	struct seen seen = { false, false };

	if (text == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot read options");
	*r = (struct rung_spec){
		.text = arg, .codec = CODEC_AVC,
	};
	if (strcmp(arg, "copy") == 0 || strncmp(arg, "copy@", 5) == 0) {
		parse_copy(r, arg);
		free(text);
		return;
	}
	rest = text;
	item = strsep(&rest, ",");
	at = strchr(item, '@');
	if (at == NULL)
		rungspec_bad(r, "a rung is SIZE@RATE, not", item);
	*at = '\0';
	if (!size_parse(&r->size, item))
		rungspec_bad(r, "a size is 1080p or 1920x1080, from 16 to 8192, not", item);
	r->rate = opt_rate("rung", at + 1);
	if (r->rate < RUNG_RATE_LEAST || r->rate > 400000000)
		rungspec_bad(r, "a rate is from 10k to 400M, not", at + 1);
	while ((item = strsep(&rest, ",")) != NULL) {
		char *eq = strchr(item, '=');

		if (eq == NULL)
			rungspec_bad(r, "not key=value:", item);
		*eq = '\0';
		set_key(r, &seen, item, eq + 1);
	}
	if (r->params_of == CODEC_AVC && r->codec != CODEC_AVC)
		rungspec_bad(r, "x264= needs", "codec=avc");
	if (r->params_of == CODEC_HEVC && r->codec != CODEC_HEVC)
		rungspec_bad(r, "x265= needs", "codec=hevc");
	if (r->vq == VQ_ENHANCED && r->preset[0] != '\0')
		rungspec_bad(r, "vq=enhanced is in place of", "preset");
	check_rate(r, &seen);
	free(text);
}

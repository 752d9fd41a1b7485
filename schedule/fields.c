#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/hex.h"
#include "lib/base/opt.h"
#include "lib/base/rational.h"
#include "lib/media/pes.h"
#include "lib/media/scte35.h"
#include "schedule/fields.h"

#define NAME_MAX_LEN	64

enum kind { KIND_NUMBER, KIND_DURATION, KIND_SHIFT, KIND_TYPE, KIND_UPID, KIND_PAIR,
	KIND_FLAG, KIND_DEVICE };

static const struct {
	const char *name;
	enum kind kind;
	uint64_t max;			/* of a number */
	const char *shape;
} fields[FIELD_COUNT] = {
	[FIELD_ID] = { "id", KIND_NUMBER, UINT32_MAX, "a number from 0 to 4294967295" },
	[FIELD_DURATION] = { "duration", KIND_DURATION, 0,
	    "a duration such as 30s, 1500ms or 00:01:30" },
	[FIELD_TYPE] = { "type", KIND_TYPE, 0,
	    "a segmentation type such as 0x34 or provider-po-start" },
	[FIELD_UPID] = { "upid", KIND_UPID, 0, "a UPID such as URI:urn:x or 0x09:0x4142" },
	[FIELD_NUM] = { "num", KIND_PAIR, 0, "two numbers such as 1/2" },
	[FIELD_SUB] = { "sub", KIND_PAIR, 0, "two numbers such as 1/2" },
	[FIELD_TIER] = { "tier", KIND_NUMBER, 0xfff, "a number from 0 to 4095" },
	[FIELD_PROGRAM] = { "program", KIND_NUMBER, 0xffff, "a number from 0 to 65535" },
	[FIELD_AVAIL] = { "avail", KIND_PAIR, 0, "two numbers such as 1/2" },
	[FIELD_AUTO] = { "auto", KIND_FLAG, 0, "yes or no" },
	[FIELD_CANCEL] = { "cancel", KIND_FLAG, 0, "yes or no" },
	[FIELD_WEB] = { "web", KIND_FLAG, 0, "yes or no" },
	[FIELD_BLACKOUT] = { "blackout", KIND_FLAG, 0, "yes or no" },
	[FIELD_ARCHIVE] = { "archive", KIND_FLAG, 0, "yes or no" },
	[FIELD_DEVICE] = { "device", KIND_DEVICE, 0, "0, 1, 2 or none" },
	[FIELD_OFFSET] = { "offset", KIND_SHIFT, 0, "a shift such as +2s or -500ms" },
};

bool
fields_error(char err[static FIELDS_ERROR], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, FIELDS_ERROR, fmt, ap);
	va_end(ap);
	for (char *p = err; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
	return false;
}

int
words_split(char *line, char *word[static FIELDS_WORDS], char err[static FIELDS_ERROR])
{
	int n = 0;

	for (;;) {
		line += strspn(line, " \t\r\n");
		if (*line == '\0' || *line == '#')
			return n;
		if (n == FIELDS_WORDS) {
			fields_error(err, "there are more than %d words from '%.40s' on",
			    FIELDS_WORDS, word[0]);
			return -1;
		}
		word[n++] = line;
		line += strcspn(line, " \t\r\n");
		if (*line != '\0')
			*line++ = '\0';
	}
}

/* ---- values */

/* "12", "0x34": all of text[0..len), at most max. */
static bool
number(const char *text, size_t len, uint64_t max, uint64_t *v)
{
	unsigned base = len > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ?
	    16 : 10;
	uint64_t sum = 0;

	if (base == 16) {
		text += 2;
		len -= 2;
	}
	for (size_t i = 0; i < len; i++) {
		int d = hex_digit(text[i]);

		if (d < 0 || (unsigned)d >= base)
			return false;
		sum = sum * base + (unsigned)d;
		if (sum > max)
			return false;
	}
	*v = sum;
	return len > 0;
}

/* "1:30.5" and "00:01:30": hours are not needed, decimals of seconds may be there. */
static bool
sexagesimal(const char *text, uint64_t *ns)
{
	static const struct opt_unit seconds[] = { { "", 1000000000 }, { NULL, 0 } };
	uint64_t part[2] = { 0, 0 }, last;
	unsigned n = 0;

	for (const char *colon; (colon = strchr(text, ':')) != NULL; text = colon + 1)
		if (n == 2 || !number(text, (size_t)(colon - text), 1000000, &part[n++]))
			return false;
	if (n == 0 || opt_scaled(text, seconds, &last) < 0 || last >= 60 * seconds[0].scale ||
	    (n == 2 && part[1] >= 60))
		return false;
	*ns = (n == 2 ? part[0] * 3600 + part[1] * 60 : part[0] * 60) * seconds[0].scale + last;
	return true;
}

bool
fields_duration(const char *text, uint64_t *ticks)
{
	static const struct opt_unit units[] = {
		{ "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
		{ "min", UINT64_C(60000000000) }, { "h", UINT64_C(3600000000000) }, { NULL, 0 },
	};
	uint64_t ns;

	if (opt_scaled(text, units, &ns) < 0 && !sexagesimal(text, &ns))
		return false;
	if (ns > INT64_MAX / 2)
		return false;
	*ticks = (uint64_t)rescale_near((int64_t)ns, CLK_90K, CLK_SECOND);
	return true;
}

/* Lower case, with dashes, and the long words short: "provider-po-start". */
static void
shorten(const char *name, char out[static NAME_MAX_LEN])
{
	static const char *const words[][2] = {
		{ "placement-opportunity", "po" }, { "advertisement", "ad" },
	};
	size_t n = 0;

	for (; *name != '\0' && n < NAME_MAX_LEN - 1; n++, name++)
		out[n] = (char)(*name == ' ' || *name == '_' ? '-' :
		    tolower((unsigned char)*name));
	out[n] = '\0';
	for (size_t i = 0; i < 2; i++) {
		char *at = strstr(out, words[i][0]);
		size_t from = strlen(words[i][0]), to = strlen(words[i][1]);

		if (at == NULL)
			continue;
		memcpy(at, words[i][1], to);
		memmove(at + to, at + from, strlen(at + from) + 1);
	}
}

/* A number, or a name of those that name() knows; of several the last. */
static bool
named(const char *text, size_t len, const char *(*name)(uint8_t), uint64_t *v)
{
	char given[NAME_MAX_LEN], want[NAME_MAX_LEN], copy[NAME_MAX_LEN];

	if (number(text, len, 255, v))
		return true;
	if (len == 0 || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	shorten(copy, given);
	for (unsigned i = 256; i-- > 0;) {
		if (name((uint8_t)i) == NULL)
			continue;
		shorten(name((uint8_t)i), want);
		if (strcmp(given, want) == 0) {
			*v = i;
			return true;
		}
	}
	return false;
}

static bool
shift(const char *text, uint64_t *v)
{
	if ((text[0] != '+' && text[0] != '-') || !fields_duration(text + 1, v) ||
	    *v >= (uint64_t)PES_WRAP)
		return false;
	if (text[0] == '-')
		*v = ((uint64_t)PES_WRAP - *v) & (PES_WRAP - 1);
	return true;
}

bool
field_value(enum field f, const char *text, uint64_t *v)
{
	const char *slash;
	uint64_t a, b;

	switch (fields[f].kind) {
	case KIND_NUMBER:
		return number(text, strlen(text), fields[f].max, v);
	case KIND_DURATION:
		return fields_duration(text, v) && *v < (uint64_t)PES_WRAP;
	case KIND_SHIFT:
		return shift(text, v);
	case KIND_TYPE:
		return named(text, strlen(text), scte35_type_name, v);
	case KIND_PAIR:
		slash = strchr(text, '/');
		if (slash == NULL || !number(text, (size_t)(slash - text), 255, &a) ||
		    !number(slash + 1, strlen(slash + 1), 255, &b))
			return false;
		*v = a << 8 | b;
		return true;
	case KIND_FLAG:
		*v = strcmp(text, "yes") == 0;
		return *v != 0 || strcmp(text, "no") == 0;
	case KIND_DEVICE:
		*v = 3;
		return strcmp(text, "none") == 0 || number(text, strlen(text), 2, v);
	default:
		return false;
	}
}

/* How long a UPID of this type is, or 0 (table 22). */
static size_t
upid_length(uint8_t type)
{
	static const uint8_t length[] = {
		[0x02] = 8, [0x03] = 12, [0x04] = 32, [0x05] = 8, [0x06] = 12, [0x07] = 12,
		[0x08] = 8, [0x0a] = 12, [0x10] = 16,
	};

	return type < sizeof(length) ? length[type] : 0;
}

/* TYPE:VALUE, the value as text or 0x and hexadecimal digits. */
static bool
take_upid(struct fields *f, const char *text, char err[static FIELDS_ERROR])
{
	const char *colon = strchr(text, ':'), *value;
	uint64_t type;
	size_t len;

	if (colon == NULL || !named(text, (size_t)(colon - text), scte35_upid_name, &type))
		return fields_error(err, "'upid=%.80s' is not %s", text, fields[FIELD_UPID].shape);
	value = colon + 1;
	len = strlen(value);
	f->upid_type = (uint8_t)type;
	f->upid_len = 0;
	if (len >= 2 && value[0] == '0' && value[1] == 'x') {
		for (size_t i = 2; i < len; i += 2) {
			int hi = hex_digit(value[i]), lo = i + 1 < len ? hex_digit(value[i + 1]) : -1;

			if (hi < 0 || lo < 0 || f->upid_len == sizeof(f->upid))
				return fields_error(err, "'%.80s' is no string of at most 255 "
				    "bytes in hexadecimal", value);
			f->upid[f->upid_len++] = (uint8_t)(hi << 4 | lo);
		}
	} else if (len > sizeof(f->upid)) {
		return fields_error(err, "'%.60s' is longer than 255 bytes", value);
	} else {
		memcpy(f->upid, value, len);
		f->upid_len = len;
	}
	if (upid_length(f->upid_type) != 0 && f->upid_len != upid_length(f->upid_type))
		return fields_error(err, "'%.80s' has %zu bytes, a UPID of this type has %zu",
		    text, f->upid_len, upid_length(f->upid_type));
	f->set |= FIELD_BIT(FIELD_UPID);
	return true;
}

/* ---- words */

enum field
field_named(const char *name, size_t len)
{
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		if (strlen(fields[i].name) == len && strncmp(fields[i].name, name, len) == 0)
			return (enum field)i;
	return FIELD_COUNT;
}

const char *
field_name(enum field f)
{
	return fields[f].name;
}

const char *
field_shape(enum field f)
{
	return fields[f].shape;
}

bool
fields_take(struct fields *f, uint32_t allowed, const char *word, const char *of,
    char err[static FIELDS_ERROR])
{
	const char *equal = strchr(word, '=');
	size_t len = equal != NULL ? (size_t)(equal - word) : strlen(word);
	const char *value = equal != NULL ? equal + 1 : "yes";
	enum field which = field_named(word, len);
	uint64_t ticks;

	if (equal == NULL && (fields_duration(word, &ticks) || isdigit((unsigned char)*word))) {
		which = FIELD_DURATION;
		value = word;
	} else if (which == FIELD_COUNT || (equal == NULL && which != FIELD_AUTO &&
	    which != FIELD_CANCEL)) {
		return fields_error(err, "'%.80s' is nothing that %s has", word, of);
	}
	if ((allowed & FIELD_BIT(which)) == 0)
		return fields_error(err, "'%.80s' is nothing that %s has", word, of);
	if (fields_has(f, which))
		return fields_error(err, "'%.80s': %s is there already", word,
		    fields[which].name);
	if (which == FIELD_UPID)
		return take_upid(f, value, err);
	if (!field_value(which, value, &f->v[which]))
		return fields_error(err, "'%.80s' is not %s", word, fields[which].shape);
	f->set |= FIELD_BIT(which);
	return true;
}

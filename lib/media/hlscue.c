#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lib/base/base64.h"
#include "lib/base/hex.h"
#include "lib/media/hlsattr.h"
#include "lib/media/hlscue.h"

#define BLANK	" \t\""

static const char *const tag_name[] = {
	"EXT-X-CUE-OUT", "EXT-X-CUE-OUT-CONT", "EXT-X-CUE-IN", "EXT-OATCLS-SCTE35",
	"EXT-X-SPLICEPOINT-SCTE35", "EXT-X-SCTE35", "EXT-X-CUE",
};

enum hlscue_tag
hlscue_tag(const char *line, const char **value)
{
	size_t len = strcspn(line, ": \t");
	int tag = 0;

	while (tag < HLSCUE_NONE && (strlen(tag_name[tag]) != len ||
	    memcmp(tag_name[tag], line, len) != 0))
		tag++;
	*value = line + len + strspn(line + len, ": \t");
	return (enum hlscue_tag)tag;
}

/* ---- sections */

/* RFC 4648 section 5 has two other letters; blanks and line ends do not count. */
static size_t
plain_base64(const char *s, size_t len, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n < size; i++)
		if (strchr(" \t\r\n", s[i]) == NULL)
			out[n++] = (char)(s[i] == '-' ? '+' : s[i] == '_' ? '/' : s[i]);
	return n;
}

int
hlscue_section(const char *s, size_t len, uint8_t out[static HLSCUE_SECTION])
{
	char text[BASE64_SIZE(HLSCUE_SECTION)];
	size_t n = 0;
	int r;

	if (len < 2 || s[0] != '0' || (s[1] | 32) != 'x') {
		r = base64_decode(text, plain_base64(s, len, text, sizeof(text)), out,
		    HLSCUE_SECTION);
		return r > 0 ? r : -EBADMSG;
	}
	if (len % 2 != 0 || len == 2 || len - 2 > 2 * HLSCUE_SECTION)
		return -EBADMSG;
	for (size_t i = 2; i < len; i += 2) {
		int hi = hex_digit(s[i]), lo = hex_digit(s[i + 1]);

		if (hi < 0 || lo < 0)
			return -EBADMSG;
		out[n++] = (uint8_t)(hi << 4 | lo);
	}
	return (int)n;
}

static void
take_section(struct hlscue *c, const char *s, size_t len)
{
	int n = hlscue_section(s, len, c->section);

	c->len = n > 0 ? (size_t)n : 0;
	c->odd |= n < 0;
}

/* ---- attributes */

static bool
named(const struct hls_attr *a, const char *name)
{
	return strlen(name) == a->name_len && strncasecmp(a->name, name, a->name_len) == 0;
}

static bool
says(const struct hls_attr *a, const char *value)
{
	return strlen(value) == a->len && strncasecmp(a->value, value, a->len) == 0;
}

static void
take_seconds(struct hlscue *c, const char *s, size_t len, int64_t *ns)
{
	int64_t v;

	while (len > 0 && strchr(BLANK, s[len - 1]) != NULL)
		len--;
	while (len > 0 && strchr(BLANK, *s) != NULL)
		s++, len--;
	if (hls_seconds(s, len, &v) == 0)
		*ns = v;
	else
		c->odd = true;
}

/* What says that a break begins, goes on or ends. */
static const struct {
	const char *name, *value;
	enum hlscue_what what;
} words[] = {
	{ "CUE-OUT", "YES", HLSCUE_STARTS }, { "CUE-OUT", "CONT", HLSCUE_GOES_ON },
	{ "CUE-IN", "YES", HLSCUE_ENDS },
	{ "TYPE", "SpliceOut", HLSCUE_STARTS }, { "TYPE", "SpliceIn", HLSCUE_ENDS },
};

/* What Adobe, SCTE and others call these things. */
static void
take_attr(struct hlscue *c, const struct hls_attr *a)
{
	if (named(a, "DURATION"))
		take_seconds(c, a->value, a->len, &c->duration_ns);
	else if (named(a, "ELAPSED") || named(a, "ELAPSEDTIME"))
		take_seconds(c, a->value, a->len, &c->elapsed_ns);
	else if (named(a, "SCTE35") || named(a, "CUE"))
		take_section(c, a->value, a->len);
	else if (named(a, "BREAKID") || named(a, "ID") ||
	    (named(a, "CAID") && c->id_len == 0)) {
		c->id = a->value;
		c->id_len = a->len;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (named(a, words[i].name) && says(a, words[i].value))
			c->what = words[i].what;
}

static void
take_list(struct hlscue *c, const char *list)
{
	struct hls_attr a;
	int r;

	while ((r = hls_attr_next(&list, &a)) > 0)
		take_attr(c, &a);
	c->odd |= r < 0;
}

/* ---- markers */

/* "30.0", quoted or not, with attributes behind it or not; or these only. */
static void
take_out(struct hlscue *c, const char *value)
{
	size_t len = strcspn(value, ",");

	if (*value == '\0')
		return;
	if (memchr(value, '=', len) == NULL) {
		take_seconds(c, value, len, &c->duration_ns);
		value += len;
	}
	take_list(c, value);
}

/* "5.3/30", "5.3", or attributes. */
static void
take_cont(struct hlscue *c, const char *value)
{
	size_t len = strcspn(value, ",");
	const char *slash = memchr(value, '/', len);

	if (*value == '\0')
		return;
	if (memchr(value, '=', len) != NULL) {
		take_list(c, value);
		return;
	}
	if (slash != NULL)
		take_seconds(c, slash + 1, len - (size_t)(slash + 1 - value),
		    &c->duration_ns);
	take_seconds(c, value, slash != NULL ? (size_t)(slash - value) : len,
	    &c->elapsed_ns);
	take_list(c, value + len);
}

static void
take_bare_section(struct hlscue *c, const char *value)
{
	size_t len = strlen(value);

	while (len > 0 && strchr(BLANK, value[len - 1]) != NULL)
		len--;
	while (len > 0 && strchr(BLANK, *value) != NULL)
		value++, len--;
	take_section(c, value, len);
}

int
hlscue_parse(enum hlscue_tag tag, const char *value, struct hlscue *c)
{
	c->what = HLSCUE_BY_SECTION;
	c->duration_ns = c->elapsed_ns = HLSCUE_UNKNOWN;
	c->id = "";
	c->id_len = c->len = 0;
	c->odd = false;
	switch (tag) {
	case HLSCUE_OUT:
		c->what = HLSCUE_STARTS;
		take_out(c, value);
		break;
	case HLSCUE_OUT_CONT:
		c->what = HLSCUE_GOES_ON;
		take_cont(c, value);
		break;
	case HLSCUE_IN:
		c->what = HLSCUE_ENDS;
		return 0;
	case HLSCUE_OATCLS:
	case HLSCUE_SPLICEPOINT:
		take_bare_section(c, value);
		break;
	case HLSCUE_SCTE35:
	case HLSCUE_ADOBE:
		take_list(c, value);
		break;
	case HLSCUE_NONE:
		break;
	}
	/* Repeated on each segment, it tells how far the break has come. */
	if (c->what == HLSCUE_STARTS && c->elapsed_ns > 0)
		c->what = HLSCUE_GOES_ON;
	return c->what == HLSCUE_BY_SECTION && c->len == 0 ? -EBADMSG : 0;
}

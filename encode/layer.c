#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/layer.h"
#include "lib/base/clk.h"
#include "lib/base/opt.h"

#define BLANKS		" \t\r"
#define PIXELS_MAX	16384
#define DAYS_NS		(UINT64_C(400) * 86400 * CLK_SECOND)

char *
layer_word(char **rest)
{
	char *from, *to, *word, quote = '\0';

	if (*rest == NULL)
		return NULL;
	word = from = to = *rest + strspn(*rest, BLANKS);
	if (*from == '\0') {
		*rest = NULL;
		return NULL;
	}
	for (; *from != '\0' && (quote != '\0' || strchr(BLANKS, *from) == NULL); from++) {
		if (quote == '\0' && (*from == '"' || *from == '\''))
			quote = *from;
		else if (*from == quote)
			quote = '\0';
		else
			*to++ = *from;
	}
	*rest = *from != '\0' ? from + 1 : NULL;
	*to = '\0';
	return word;
}

static int
wrong(char error[static LAYER_ERROR], const char *what, const char *value)
{
	snprintf(error, LAYER_ERROR, "%s '%.60s'", what, value);
	return -1;
}

/* "120", "5%", each with a minus sign from the far edge; "center". */
static bool
parse_length(const char *s, bool place, struct layer_length *l)
{
	static const struct opt_unit units[] = { { "", 1000 }, { "px", 1000 },
		{ "%", 1000 }, { NULL, 0 } };
	struct layer_length out = { .v = 0 };
	size_t len = strlen(s);
	uint64_t v;

	if (place && strcmp(s, "center") == 0) {
		*l = (struct layer_length){ .center = true };
		return true;
	}
	out.from_end = place && *s == '-';
	out.percent = len > 0 && s[len - 1] == '%';
	if (opt_scaled(s + out.from_end, units, &v) < 0 ||
	    v > (out.percent ? 100000 : PIXELS_MAX * 1000) || (!place && v == 0))
		return false;
	out.v = (int32_t)v;
	*l = out;
	return true;
}

/* In thousandths. */
static bool
parse_percent(const char *s, int *v)
{
	static const struct opt_unit units[] = { { "%", 10 }, { NULL, 0 } };
	uint64_t n;

	if (opt_scaled(s, units, &n) < 0 || n > 1000)
		return false;
	*v = (int)n;
	return true;
}

static bool
parse_time(const char *s, int64_t *ns)
{
	uint64_t v;

	if (opt_scaled(s, opt_durations, &v) < 0 || v > DAYS_NS)
		return false;
	*ns = (int64_t)v;
	return true;
}

/* "1s", or "1s/500ms": out, too, or differently. */
static bool
parse_fade(char *s, struct layer_spec *l)
{
	char *slash = strchr(s, '/');

	if (slash != NULL)
		*slash = '\0';
	if (!parse_time(s, &l->fade_in_ns))
		return false;
	l->fade_out_ns = l->fade_in_ns;
	return slash == NULL || parse_time(slash + 1, &l->fade_out_ns);
}

static bool
parse_start(const char *s, struct layer_spec *l)
{
	l->start_utc = strchr(s, 'T') != NULL;
	return l->start_utc ? clk_parse_iso(s, &l->start_ns) == 0 :
	    parse_time(s, &l->start_ns);
}

static bool
parse_number(const char *s, int most, int *v)
{
	static const struct opt_unit units[] = { { "", 1 }, { NULL, 0 } };
	uint64_t n;

	if (opt_scaled(s, units, &n) < 0 || n > (unsigned)most)
		return false;
	*v = (int)n;
	return true;
}

/* "1+3" */
static bool
parse_rungs(char *s, uint32_t *rungs)
{
	char *item;
	int n;

	*rungs = 0;
	while ((item = strsep(&s, "+")) != NULL) {
		if (!parse_number(item, LAYER_RUNGS, &n) || n == 0)
			return false;
		*rungs |= UINT32_C(1) << (n - 1);
	}
	return true;
}

static bool
parse_color(const char *s, uint32_t *color)
{
	uint32_t v = 0;

	if (strlen(s) != 6 || strspn(s, "0123456789abcdefABCDEF") != 6)
		return false;
	v = (uint32_t)strtoul(s, NULL, 16);
	*color = v;
	return true;
}

/* "000000" or "000000/50%" */
static bool
parse_box(char *s, struct layer_spec *l)
{
	char *slash = strchr(s, '/');

	l->box_opacity = 1000;
	if (slash != NULL)
		*slash = '\0';
	if (strcmp(s, "none") == 0 && slash == NULL) {
		l->box_opacity = 0;
		return true;
	}
	return parse_color(s, &l->box) &&
	    (slash == NULL || parse_percent(slash + 1, &l->box_opacity));
}

static bool
parse_font(const char *s, struct layer_spec *l)
{
	if (*s == '\0' || strlen(s) >= sizeof(l->font))
		return false;
	memcpy(l->font, s, strlen(s) + 1);
	return true;
}

static const struct {
	const char *name;
	enum layer_key key;
	const char *what;
} keys[] = {
	{ "x", LAYER_X, "x is pixels or percent, from 0 or -0 on, or center, not" },
	{ "y", LAYER_Y, "y is pixels or percent, from 0 or -0 on, or center, not" },
	{ "width", LAYER_WIDTH, "width is pixels or percent, not" },
	{ "height", LAYER_HEIGHT, "height is pixels or percent, not" },
	{ "opacity", LAYER_OPACITY, "opacity is from 0% to 100%, not" },
	{ "fade", LAYER_FADE, "fade is a duration, or two as in 1s/500ms, not" },
	{ "start", LAYER_START, "start is a duration or a date, not" },
	{ "duration", LAYER_DURATION, "duration is one such as 10s, not" },
	{ "order", LAYER_ORDER, "order is from 0 to 99, not" },
	{ "rungs", LAYER_ON_RUNGS, "rungs are numbers from 1 to 16 as in 1+2, not" },
	{ "size", LAYER_SIZE, "size is pixels or percent, not" },
	{ "color", LAYER_COLOR, "color is RRGGBB, not" },
	{ "box", LAYER_BOX, "box is RRGGBB, RRGGBB/50% or none, not" },
	{ "font", LAYER_FONT, "font is a file, not" },
};

static bool
parse_value(struct layer_spec *s, enum layer_key key, char *v)
{
	switch (key) {
	case LAYER_X:		return parse_length(v, true, &s->x);
	case LAYER_Y:		return parse_length(v, true, &s->y);
	case LAYER_WIDTH:	return parse_length(v, false, &s->width);
	case LAYER_HEIGHT:	return parse_length(v, false, &s->height);
	case LAYER_OPACITY:	return parse_percent(v, &s->opacity);
	case LAYER_FADE:	return parse_fade(v, s);
	case LAYER_START:	return parse_start(v, s);
	case LAYER_DURATION:	return parse_time(v, &s->duration_ns);
	case LAYER_ORDER:	return parse_number(v, 99, &s->order);
	case LAYER_ON_RUNGS:	return parse_rungs(v, &s->rungs);
	case LAYER_SIZE:	return parse_length(v, false, &s->size);
	case LAYER_COLOR:	return parse_color(v, &s->color);
	case LAYER_BOX:		return parse_box(v, s);
	case LAYER_FONT:	return parse_font(v, s);
	}
	return false;
}

/* The index in keys of what is before the '=', or -1. */
static int
find_key(const char *word)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && word[len] == '='; i++)
		if (strlen(keys[i].name) == len && memcmp(keys[i].name, word, len) == 0)
			return (int)i;
	return -1;
}

/* Those of text are no use for pictures, and the other way round. */
static bool
is_for(enum layer_kind kind, enum layer_key key)
{
	const unsigned text = LAYER_SIZE | LAYER_COLOR | LAYER_BOX | LAYER_FONT;
	const unsigned picture = LAYER_WIDTH | LAYER_HEIGHT;

	return ((unsigned)key & (kind == LAYER_IS_TEXT ? picture : text)) == 0;
}

static int
parse_key(struct layer_spec *s, char *word, char error[static LAYER_ERROR])
{
	int i = find_key(word);
	char said[61], *value;

	if (i < 0)
		return wrong(error, "no such key:", word);
	if (!is_for(s->kind, keys[i].key))
		return wrong(error, s->kind == LAYER_IS_TEXT ? "not of a text:" :
		    "not of a picture:", word);
	if (s->act == LAYER_OFF && keys[i].key != LAYER_FADE)
		return wrong(error, "off takes fade= only, not", word);
	value = strchr(word, '=') + 1;
	snprintf(said, sizeof(said), "%s", value);	/* parsing cuts it up */
	if (!parse_value(s, keys[i].key, value))
		return wrong(error, keys[i].what, said);
	s->given |= (unsigned)keys[i].key;
	return 0;
}

/* A line of text has \n in it for each new line. */
static void
unescape(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		if (s[0] == '\\' && s[1] == 'n') {
			*to++ = '\n';
			s++;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

static int
take_what(struct layer_spec *s, char *word, char error[static LAYER_ERROR])
{
	s->from_file = s->kind == LAYER_IS_TEXT && *word == '@';
	word += s->from_file;
	if (strlen(word) >= (s->kind == LAYER_IS_TEXT && !s->from_file ? LAYER_TEXT :
	    LAYER_PATH))
		return wrong(error, "too long:", word);
	if (*word == '\0' && (s->from_file || s->kind == LAYER_IS_PICTURE))
		return wrong(error, "which file is missing after", s->name);
	memcpy(s->what, word, strlen(word) + 1);
	if (s->kind == LAYER_IS_TEXT && !s->from_file)
		unescape(s->what);
	return 0;
}

static bool
is_name(const char *s)
{
	size_t len = strlen(s);

	return len > 0 && len < LAYER_NAME && strspn(s, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == len;
}

int
layer_parse(struct layer_spec *s, enum layer_kind kind, char *line,
    char error[static LAYER_ERROR])
{
	char *rest = line, *word = layer_word(&rest);

	*s = (struct layer_spec){
		.kind = kind, .opacity = 1000, .color = 0xffffff,
		.size = { .v = 5000, .percent = true },
	};
	if (word == NULL)
		return wrong(error, "which layer is missing:", "NAME");
	if (!is_name(word))
		return wrong(error, "a name has up to 31 letters, digits, _ - and ., not", word);
	memcpy(s->name, word, strlen(word) + 1);
	word = layer_word(&rest);
	if (word == NULL)
		return wrong(error, kind == LAYER_IS_TEXT ? "what text is missing after" :
		    "which file is missing after", s->name);
	if (strcmp(word, "off") == 0)
		s->act = LAYER_OFF;
	else if (find_key(word) >= 0)
		s->act = LAYER_CHANGE;
	if (s->act == LAYER_CHANGE && parse_key(s, word, error) < 0)
		return -1;
	if (s->act == LAYER_SHOW && take_what(s, word, error) < 0)
		return -1;
	while ((word = layer_word(&rest)) != NULL)
		if (parse_key(s, word, error) < 0)
			return -1;
	return 0;
}

void
layer_change(struct layer_spec *s, const struct layer_spec *c)
{
	struct layer_spec out = *c;

	out.act = LAYER_SHOW;
	memcpy(out.what, s->what, sizeof(out.what));
	out.from_file = s->from_file;
	out.given = s->given | c->given;
#define KEEP(key, field) if ((c->given & (key)) == 0) out.field = s->field
	KEEP(LAYER_X, x);
	KEEP(LAYER_Y, y);
	KEEP(LAYER_WIDTH, width);
	KEEP(LAYER_HEIGHT, height);
	KEEP(LAYER_SIZE, size);
	KEEP(LAYER_OPACITY, opacity);
	KEEP(LAYER_FADE, fade_in_ns);
	KEEP(LAYER_FADE, fade_out_ns);
	KEEP(LAYER_START, start_utc);
	KEEP(LAYER_START, start_ns);
	KEEP(LAYER_DURATION, duration_ns);
	KEEP(LAYER_ORDER, order);
	KEEP(LAYER_ON_RUNGS, rungs);
	KEEP(LAYER_COLOR, color);
	KEEP(LAYER_BOX, box);
	KEEP(LAYER_BOX, box_opacity);
#undef KEEP
	if ((c->given & LAYER_FONT) == 0)
		memcpy(out.font, s->font, sizeof(out.font));
	*s = out;
}

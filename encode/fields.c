#include <stdio.h>
#include <string.h>
#include <time.h>

#include "encode/fields.h"
#include "lib/base/clk.h"

enum { TIMECODE, UTC, DATE, LOCAL, LOCAL_DATE, SINCE };

static const char *const names[] = {
	[TIMECODE] = "timecode", [UTC] = "utc", [DATE] = "date", [LOCAL] = "local",
	[LOCAL_DATE] = "localdate", [SINCE] = "since",
};

/* The field at p, which is behind a brace, and its length with the other; or -1. */
static int
find(const char *p, size_t *len)
{
	for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++) {
		*len = strlen(names[i]);
		if (strncmp(p, names[i], *len) == 0 && p[*len] == '}') {
			*len += 1;
			return i;
		}
	}
	return -1;
}

const char *
fields_check(const char *text)
{
	size_t len;

	for (; *text != '\0'; text++) {
		if (*text != '{')
			continue;
		if (text[1] == '{')
			text++;
		else if (find(text + 1, &len) < 0)
			return text;
	}
	return NULL;
}

static void
put(const struct fields *f, int field, char *out, size_t size)
{
	time_t seconds = (time_t)(f->utc_ns / CLK_SECOND);
	long long ms = f->since_ns / 1000000;
	struct tm tm;

	out[0] = '\0';
	switch (field) {
	case TIMECODE:
		snprintf(out, size, "%s", f->timecode != NULL ? f->timecode : "--:--:--:--");
		break;
	case SINCE:
		snprintf(out, size, "%02lld:%02lld:%02lld.%03lld", ms / 3600000,
		    ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
		break;
	default:
		if (!f->live)
			snprintf(out, size, field == UTC || field == LOCAL ? "--:--:--" :
			    "----------");
		else if ((field == UTC || field == DATE ? gmtime_r(&seconds, &tm) :
		    localtime_r(&seconds, &tm)) == NULL)
			return;
		else if (field == UTC || field == LOCAL)
			strftime(out, size, "%H:%M:%S", &tm);
		else
			strftime(out, size, "%Y-%m-%d", &tm);
	}
}

void
fields_fill(const struct fields *f, const char *text, char *out, size_t size)
{
	size_t n = 0, len;
	int field;

	while (*text != '\0' && n + 1 < size) {
		field = *text == '{' ? find(text + 1, &len) : -1;
		if (field >= 0) {
			put(f, field, out + n, size - n);
			n += strlen(out + n);
			text += 1 + len;
			continue;
		}
		if (text[0] == text[1] && (*text == '{' || *text == '}'))
			text++;
		out[n++] = *text++;
	}
	out[n] = '\0';
}

#include <stdio.h>
#include <string.h>

#include "encode/command.h"
#include "encode/options.h"
#include "encode/quality.h"
#include "lib/base/opt.h"

#define BLANKS	" \t\r"

static char *
word(char **rest)
{
	char *w;

	do
		w = strsep(rest, BLANKS);
	while (w != NULL && *w == '\0');
	return w;
}

static int
wrong(char error[static COMMAND_ANSWER], const char *what, const char *value)
{
	snprintf(error, COMMAND_ANSWER, "%s '%.60s'", what, value);
	return -1;
}

static int
parse_change(struct command *c, char *w, char error[static COMMAND_ANSWER])
{
	if (strncmp(w, "rate=", 5) == 0) {
		if (opt_scaled(w + 5, opt_rates, &c->rate) < 0 || c->rate < RUNG_RATE_LEAST)
			return wrong(error, "a rate is from 10k on, not", w + 5);
		return 1;
	}
	if (strncmp(w, "quality=", 8) == 0) {
		c->has_quality = true;
		c->quality = quality_parse(w + 8);
		if (c->quality == 0 && strcmp(w + 8, "auto") != 0)
			return wrong(error, "quality is from 1 to 10, or auto, not", w + 8);
		return 1;
	}
	return wrong(error, "not rate= or quality=:", w);
}

int
command_parse(struct command *c, char *line, char error[static COMMAND_ANSWER])
{
	char *rest = line, *w = word(&rest);
	bool set;

	*c = (struct command){ .show = false };
	if (w == NULL || *w == '#')
		return 0;
	set = strcmp(w, "set") == 0;
	c->show = strcmp(w, "show") == 0;
	if (!set && !c->show)
		return wrong(error, "a command is overlay, set, show or text, not", w);
	c->rung = word(&rest);
	if (c->rung == NULL)
		return wrong(error, "which rung is missing after", w);
	while ((w = word(&rest)) != NULL)
		if (c->show)
			return wrong(error, "too much:", w);
		else if (parse_change(c, w, error) < 0)
			return -1;
	if (set && c->rate == 0 && !c->has_quality)
		return wrong(error, "nothing to set for", c->rung);
	return 1;
}

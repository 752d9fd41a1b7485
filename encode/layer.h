/*
 * layer.h - what is laid over the pictures, as a command or an option says it.
 *
 * Shape    "NAME FILE [key=value]..." is a picture, "NAME key=value..." changes a layer,
 *          "NAME off [fade=1s]" ends it; of a text FILE is the text itself, or @FILE one
 *          that has it.  Words are separated by blanks, and may be quoted by " or ':
 *          mlive-encode(1).
 * Units    Times in ns; opacity in thousandths; pixels are those of the source.
 * Memory   Nothing allocates.
 * Threads  Pure functions.
 */
#ifndef ENCODE_LAYER_H
#define ENCODE_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAYER_NAME	32
#define LAYER_PATH	256
#define LAYER_TEXT	1000
#define LAYER_ERROR	200
#define LAYER_RUNGS	16

enum layer_key {
	LAYER_X = 1, LAYER_Y = 2, LAYER_WIDTH = 4, LAYER_HEIGHT = 8, LAYER_OPACITY = 16,
	LAYER_FADE = 32, LAYER_START = 64, LAYER_DURATION = 128, LAYER_ORDER = 256,
	LAYER_ON_RUNGS = 512, LAYER_SIZE = 1024, LAYER_COLOR = 2048, LAYER_BOX = 4096,
	LAYER_FONT = 8192,
};

/* A place or a size along one axis. */
struct layer_length {
	int32_t	 v;			/* thousandths of a pixel, or of a percent of the picture */
	bool	 percent;
	bool	 from_end;		/* of a place: of the far edge, to the far edge */
	bool	 center;
};

enum layer_kind { LAYER_IS_PICTURE, LAYER_IS_TEXT };
enum layer_do { LAYER_SHOW, LAYER_CHANGE, LAYER_OFF };

struct layer_spec {
	enum layer_do act;
	enum layer_kind kind;
	char	 name[LAYER_NAME];
	char	 what[LAYER_TEXT];	/* a path, or the text */
	bool	 from_file;		/* of a text: what is its path */
	unsigned given;			/* keys that were, the others have defaults */
	struct layer_length x, y, width, height, size;
	int	 opacity;
	int64_t	 fade_in_ns, fade_out_ns;
	bool	 start_utc;		/* start is since 1970, not from now on */
	int64_t	 start_ns, duration_ns;	/* duration 0: for ever */
	int	 order;			/* what is greater is above */
	uint32_t rungs;			/* bit i: rung i; 0: all */
	uint32_t color, box;		/* 0xrrggbb */
	int	 box_opacity;		/* 0: there is none */
	char	 font[LAYER_PATH];	/* "": the default */
};

/* 0, or -1 with what is wrong in error; the line is cut up. */
int layer_parse(struct layer_spec *s, enum layer_kind kind, char *line,
    char error[static LAYER_ERROR]);

/* What change says is taken over. */
void layer_change(struct layer_spec *s, const struct layer_spec *change);

/* The next word of a line, unquoted and cut off; NULL at the end, "" may be quoted. */
char *layer_word(char **rest);

#endif

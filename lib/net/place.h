/*
 * place.h - where objects go, by how their place is written: told before it is opened.
 *
 *     /path  path  file:///path  s3://bucket/key  http://host/path  https://host/path
 *
 * Shape    A scheme is in letters of either case (RFC 3986 3.1).
 * Threads  Pure functions.
 */
#ifndef PLACE_H
#define PLACE_H

enum place_kind {
	PLACE_FOLDER,
	PLACE_HTTP,		/* or https */
	PLACE_S3,
	PLACE_OTHER,		/* an address of a kind that no object can go to */
};

enum place_kind place_kind(const char *text);

/* The path of a folder: what is behind file://, or all of it. */
const char *place_path(const char *text);

#endif

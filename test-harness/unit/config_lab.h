/*
 * config_lab.h - what the tests of the configuration share: parsing text, and the message it gives.
 */
#ifndef CONFIG_LAB_H
#define CONFIG_LAB_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct batv_config config;
static char message[8192];

__attribute__((unused)) static enum batv_err parse(const char *text, size_t len)
{
	/* Exactly as long as it is: the sanitizer sees what lies outside. */
	char *copy = malloc(len + !len);
	enum batv_err err;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, text, len);
	strcpy(message, "untouched");
	err = batv_config_parse("t.conf", copy, len, &config, message, sizeof message);
	free(copy);
	return err;
}

__attribute__((unused)) static void good(const char *text)
{
	enum batv_err err = parse(text, strlen(text));

	ck_assert_msg(err == BATV_OK, "%s", message);
	ck_assert_str_eq(message, "untouched");
}

#endif

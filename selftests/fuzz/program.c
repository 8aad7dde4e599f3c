// SPDX-License-Identifier: GPL-2.0
/*
 * Programs as text: read and write.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "grammar.h"

static const char *const kinds[KINDS] = { "exact", "together", "garbage" };

const char *op_name(enum op op)
{
	return ops[op].name;
}

static bool uses(enum op op, enum arg arg)
{
	return ops[op].args & 1ULL << arg;
}

void call_write(const struct call *call, FILE *file)
{
	fprintf(file, "%u %s", call->actor, ops[call->op].name);
	for (int arg = 0; arg < ARGS; arg++) {
		if (!uses(call->op, arg) || !call->arg[arg])
			continue;
		fprintf(file, args[arg].base == 16 ? " %s=0x%" PRIx64 :
			      args[arg].base == 8 ? " %s=0%" PRIo64 : " %s=%" PRIu64,
			args[arg].name, call->arg[arg]);
	}
	fputc('\n', file);
}

void program_write(const struct program *program, const char *mark, FILE *file)
{
	fprintf(file, "%sprogram %s\n", mark, kinds[program->kind]);
	for (unsigned int i = 0; i < program->count; i++) {
		fputs(mark, file);
		call_write(&program->call[i], file);
	}
}

static bool read_arg(struct call *call, char *word)
{
	char *value = strchr(word, '='), *end;

	if (!value)
		return false;
	*value++ = 0;
	for (int arg = 0; arg < ARGS; arg++)
		if (!strcmp(word, args[arg].name) && uses(call->op, arg)) {
			call->arg[arg] = strtoull(value, &end, 0);
			return end > value && !*end;
		}
	return false;
}

static bool read_call(struct call *call, char *line)
{
	char *rest, *word = strtok_r(line, " ", &rest), *end;

	*call = (struct call) { .actor = strtoul(word, &end, 10) };
	word = strtok_r(NULL, " ", &rest);
	if (*end || call->actor >= ACTORS || !word)
		return false;
	while (call->op < OPS && strcmp(word, ops[call->op].name))
		call->op++;
	if (call->op == OPS)
		return false;
	while ((word = strtok_r(NULL, " ", &rest)))
		if (!read_arg(call, word))
			return false;
	return true;
}

static bool read_kind(struct program *program, const char *line)
{
	if (strncmp(line, "program ", 8))
		return false;
	for (int kind = 0; kind < KINDS; kind++)
		if (!strcmp(line + 8, kinds[kind])) {
			program->kind = kind;
			return true;
		}
	return false;
}

bool program_read(struct program *program, const char **text)
{
	bool begun = false;

	memset(program, 0, sizeof(*program));
	while (**text) {
		const char *next = *text + strcspn(*text, "\n");
		char line[512];
		size_t length = next - *text;
		bool fine;

		next += *next == '\n';
		if (begun && !strncmp(*text, "program ", 8))
			return true;
		snprintf(line, sizeof(line), "%.*s", (int)length, *text);
		*text = next;
		if (!line[0] || line[0] == '#')
			continue;
		if (!begun)
			fine = begun = read_kind(program, line);
		else
			fine = program->count < CALLS_MAX &&
			       read_call(&program->call[program->count++], line);
		if (!fine) {
			printf("# not understood: %.*s\n", (int)length, next - length - 1);
			return false;
		}
	}
	return begun;
}

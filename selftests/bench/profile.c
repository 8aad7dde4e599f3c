// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin for QEMU's emulator: which instructions the guest executes between
 * the bench's marks.  The script profile gives the figures names.
 *
 *	-plugin build/bench/profile.so,out=FILE[,from=REGION][,steps=N]
 *
 * FILE gets lines "block ADDRESS INSTRUCTIONS TIMES", one for each run of
 * instructions without a branch in it, and "step ADDRESS INSTRUCTIONS", the
 * first N of them as they were executed from the REGIONth start mark on.
 * "regions N" says how often the start mark was passed.
 *
 * Debian ships QEMU's plugins switched on, but not qemu-plugin.h: what is used
 * of its interface, version 1, is declared here.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_info;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };

typedef void (*tb_translated)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*executed)(unsigned int cpu, void *data);
typedef void (*ended)(qemu_plugin_id_t id, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tb_translated call);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, executed call,
					  enum qemu_plugin_cb_flags flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, executed call,
					    enum qemu_plugin_cb_flags flags, void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, ended call, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
__attribute__((visibility("default"))) int
qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv);

struct block {
	struct block *next;
	uint64_t address;
	uint64_t instructions;
	uint64_t times;
};

#define BUCKETS 16384

static struct block *buckets[BUCKETS];
static const struct block **steps;
static uint64_t steps_done, steps_max = 4000;
static uint64_t regions, regions_from = 100;
static bool measuring;
static const char *out;

/* QEMU translates a block anew as it likes: the same one is found again. */
static struct block *block_of(uint64_t address, uint64_t instructions)
{
	struct block **link = &buckets[(address ^ address >> 14) % BUCKETS];
	struct block *block;

	for (block = *link; block; block = block->next)
		if (block->address == address && block->instructions == instructions)
			return block;
	block = calloc(1, sizeof(*block));
	if (!block)
		abort();
	block->address = address;
	block->instructions = instructions;
	block->next = *link;
	*link = block;
	return block;
}

static void on_block(unsigned int cpu, void *data)
{
	struct block *block = data;

	(void)cpu;
	if (!measuring)
		return;
	block->times++;
	if (regions >= regions_from && steps_done < steps_max)
		steps[steps_done++] = block;
}

static void on_start(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	measuring = true;
	regions++;
}

static void on_stop(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	measuring = false;
}

/* nopl 0x4d425801(%rax) and nopl 0x4d425802(%rax): bench.h */
static int mark_of(const struct qemu_plugin_insn *insn)
{
	static const uint8_t nop[] = { 0x0f, 0x1f, 0x80 };
	static const uint8_t tail[] = { 0x58, 0x42, 0x4d };
	const uint8_t *bytes = qemu_plugin_insn_data(insn);

	if (qemu_plugin_insn_size(insn) != 7 || memcmp(bytes, nop, 3) ||
	    memcmp(bytes + 4, tail, 3))
		return 0;
	return bytes[3];
}

static void on_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t count = qemu_plugin_tb_n_insns(tb);

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_PLUGIN_CB_NO_REGS,
					     block_of(qemu_plugin_tb_vaddr(tb), count));
	for (size_t i = 0; i < count; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		int mark = mark_of(insn);

		if (mark == 1 || mark == 2)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, mark == 1 ? on_start : on_stop,
							       QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
}

static void on_end(qemu_plugin_id_t id, void *data)
{
	FILE *file = fopen(out, "w");

	(void)id;
	(void)data;
	if (!file) {
		perror(out);
		return;
	}
	fprintf(file, "regions %" PRIu64 "\n", regions);
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct block *block = buckets[i]; block; block = block->next)
			if (block->times)
				fprintf(file, "block %" PRIx64 " %" PRIu64 " %" PRIu64 "\n",
					block->address, block->instructions, block->times);
	for (uint64_t i = 0; i < steps_done; i++)
		fprintf(file, "step %" PRIx64 " %" PRIu64 "\n", steps[i]->address,
			steps[i]->instructions);
	if (fclose(file))
		perror(out);
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "out=", 4))
			out = strdup(argv[i] + 4);
		else if (!strncmp(argv[i], "from=", 5))
			regions_from = strtoull(argv[i] + 5, NULL, 0);
		else if (!strncmp(argv[i], "steps=", 6))
			steps_max = strtoull(argv[i] + 6, NULL, 0);
		else
			return -1;
	}
	steps = calloc(steps_max, sizeof(*steps));
	if (!out || !steps)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translated);
	qemu_plugin_register_atexit_cb(id, on_end, NULL);
	return 0;
}

/** What jest's `--json` file says, as far as it is used here. */
export type JestReport = {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
};

/** What a run came to. */
export type Verdict = {
  readonly passed: number;
  readonly failed: number;
  /** Lines for the reader, in the order of printing. */
  readonly notes: readonly string[];
  /** Names of failures beside failed tests, each counted in `failed`. */
  readonly problems: readonly string[];
};

/** What else is known when the verdict is given. */
export type RunFacts = {
  /** True when the caller picked tests: then the others are pending on purpose. */
  readonly filtered: boolean;
  /** Failures outside tests, such as a canary in the log. */
  readonly problems: readonly string[];
};

/** Weighs jest's report: a file that did not run, and a skipped test without its reason, are failures too. */
export function judge(report: JestReport, facts: RunFacts): Verdict {
  const problems = [...facts.problems];
  const notes: string[] = [];
  for (const file of report.testResults) {
    if (file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')) {
      problems.push(`${file.name}: the file did not run: ${firstLine(file.message)}`);
    }
    if (facts.filtered) continue;
    for (const test of file.assertionResults.filter(
      ({ status }) => status !== 'passed' && status !== 'failed',
    )) {
      const reason = /\[skipped: ([^\]]+)\]/.exec(test.fullName)?.[1];
      const title = test.fullName.replace(/ ?\[skipped: [^\]]+\]/, '');
      if (reason === undefined) problems.push(`${title}: ${test.status} without a reason; use testUnless`);
      else notes.push(`skipped: ${title}: ${reason}`);
    }
  }
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + problems.length,
    notes: notes.toSorted(),
    problems,
  };
}

function firstLine(message: string): string {
  // oxlint-disable-next-line no-control-regex -- jest colours its messages
  const plain = message.replace(/\u001b\[[0-9;]*m/g, '');
  const line = plain.split('\n').find((text) => text.trim() !== '' && !text.includes('●'));
  return line?.trim() ?? 'no message';
}

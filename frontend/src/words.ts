/** Texts that a script shows, in both languages. */
export function t(zh: string, en: string, facts: Record<string, string | number> = {}): string {
  const text = document.documentElement.lang.startsWith("zh") ? zh : en;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in facts ? String(facts[name]) : whole));
}

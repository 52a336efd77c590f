// Pages of a list.

interface PagerProps {
  label: string;
  page: number;
  pages: number;
  onPage: (page: number) => void;
}

export const pagesOf = (count: number, each: number) => Math.max(1, Math.ceil(count / each));

export function Pager({ label, page, pages, onPage }: PagerProps) {
  if (pages < 2) return null;
  return (
    <nav class="pager row" aria-label={label}>
      <button type="button" disabled={page === 0} onClick={() => onPage(page - 1)}>
        Back
      </button>
      <label>
        {"page "}
        <input
          type="number"
          min={1}
          max={pages}
          value={page + 1}
          onChange={(event) => {
            const asked = Math.round(Number(event.currentTarget.value)) || 1;
            const to = Math.min(pages, Math.max(1, asked));
            event.currentTarget.value = String(to);
            onPage(to - 1);
          }}
        />
        {` of ${pages.toLocaleString("en")}`}
      </label>
      <button type="button" disabled={page >= pages - 1} onClick={() => onPage(page + 1)}>
        Next
      </button>
    </nav>
  );
}
